import Foundation
import GravityContracts
import GravityData
import GravityIdentity
import UserAPI

/// What somebody prefers. Only what was set is kept, so that a default may become a better one.
struct PreferenceBook: Sendable {
  let core: UserCore
  let profiles: Profiles

  func list(_ principal: Principal) async throws -> PreferenceList {
    let id = try await profiles.own(principal).id
    return try await core.read { [core] transaction, _ in
      guard let row = try UserStore(transaction).find(id) else { throw Problem.notFound("user") }
      return try Self.list(of: row, core.configuration, transaction)
    }
  }

  static func list(
    of row: UserRow, _ configuration: UserConfiguration, _ transaction: any Transaction
  ) throws -> PreferenceList {
    let kept = try PreferenceStore(transaction).all(of: row.id)
    let builtIn = [
      GeneralPreferences(row).preference(of: row, configuration),
      notifications(kept.first { $0.namespace == PreferenceNamespace.notifications.name }),
    ]
    let own = kept.filter { $0.namespace.hasPrefix("app.") }.map(Preference.init)
    return PreferenceList(items: builtIn + own)
  }

  func find(_ name: String, of principal: Principal) async throws -> Preference {
    let namespace = try PreferenceNamespace(name)
    let id = try await profiles.own(principal).id
    return try await core.read { [core] transaction, _ in
      guard let row = try UserStore(transaction).find(id),
        let found = try Self.current(namespace, of: row, core.configuration, transaction)
      else { throw Problem.notFound("preferences") }
      return found
    }
  }

  func put(_ request: PreferenceWrite, of principal: Principal, _ precondition: Precondition) async throws -> Preference
  {
    let namespace = try PreferenceNamespace(request.namespace)
    let value = try namespace.checked(request.value)
    return try await write(namespace, of: principal, precondition) { _ in value }
  }

  func patch(
    _ request: PreferenceWrite, of principal: Principal, _ precondition: Precondition
  ) async throws -> Preference {
    let namespace = try PreferenceNamespace(request.namespace)
    return try await write(namespace, of: principal, precondition) {
      try namespace.checked($0.merging(request.value))
    }
  }

  func delete(_ name: String, of principal: Principal, _ precondition: Precondition) async throws {
    let namespace = try PreferenceNamespace(name)
    let id = try await profiles.own(principal).id
    let profile = try await core.write(of: id) { [core] transaction, now -> Profile? in
      let row = try core.writableRow(id, transaction)
      guard let current = try Self.current(namespace, of: row, core.configuration, transaction) else {
        throw Problem.notFound("preferences")
      }
      try precondition.require(current.entityTag)
      if namespace == .general { return try Self.setGeneral([:], of: row, core, transaction, now).profile }
      if try PreferenceStore(transaction).delete(namespace.name, of: id) {
        try core.events.record(.preferencesChanged(user: id, namespace: namespace.family), in: transaction)
      }
      return nil
    }
    if let profile { await profiles.reader.changed(profile) }
  }

  /// - Parameter change: From what was set until now to what is to be.
  private func write(
    _ namespace: PreferenceNamespace, of principal: Principal, _ precondition: Precondition,
    _ change: @escaping @Sendable (JSONObject) throws -> JSONObject
  ) async throws -> Preference {
    let id = try await profiles.own(principal).id
    let (preference, profile) = try await core.write(of: id) { [core] transaction, now -> (Preference, Profile?) in
      let row = try core.writableRow(id, transaction)
      let current = try Self.current(namespace, of: row, core.configuration, transaction)
      try precondition.require(current?.entityTag)
      if namespace == .general {
        let value = try change(GeneralPreferences.object(GeneralPreferences(row)))
        return try Self.setGeneral(value, of: row, core, transaction, now)
      }
      let store = PreferenceStore(transaction)
      let kept = try store.find(namespace.name, of: id)
      let value = try change(kept?.value ?? [:])
      if let kept, let current, kept.value == value { return (current, nil) }
      if kept == nil, case .app = namespace {
        guard try store.count(beginning: "app.", of: id) < PreferenceNamespace.greatestCount else {
          throw Problem(
            409, "too_many_namespaces", "There are \(PreferenceNamespace.greatestCount) namespaces already")
        }
      }
      let version = try UserStore(transaction).advancePreferenceVersion(of: id)
      try store.put(namespace.name, value, version: version, of: id, at: now)
      try core.events.record(.preferencesChanged(user: id, namespace: namespace.family), in: transaction)
      guard let written = try Self.current(namespace, of: row, core.configuration, transaction) else {
        throw Problem.notFound("preferences")
      }
      return (written, nil)
    }
    if let profile { await profiles.reader.changed(profile) }
    return preference
  }

  private static func setGeneral(
    _ value: JSONObject, of old: UserRow, _ core: UserCore, _ transaction: any Transaction, _ now: Date
  ) throws -> (preference: Preference, profile: Profile?) {
    var row = old
    try GeneralPreferences(value).apply(to: &row)
    row = try core.saveIfChanged(row, after: old, transaction, now)
    if row.version != old.version {
      let change = UserChange.preferencesChanged(user: row.id, namespace: PreferenceNamespace.general.family)
      try core.events.record(change, in: transaction)
    }
    return (
      GeneralPreferences(row).preference(of: row, core.configuration),
      row.version == old.version ? nil : row.profile(core.configuration)
    )
  }

  /// nil where there is nothing and no default.
  private static func current(
    _ namespace: PreferenceNamespace, of row: UserRow, _ configuration: UserConfiguration,
    _ transaction: any Transaction
  ) throws -> Preference? {
    let store = PreferenceStore(transaction)
    switch namespace {
    case .general: return GeneralPreferences(row).preference(of: row, configuration)
    case .notifications: return notifications(try store.find(namespace.name, of: row.id))
    case .app: return try store.find(namespace.name, of: row.id).map(Preference.init)
    }
  }

  private static func notifications(_ row: PreferenceRow?) -> Preference {
    let choices = NotificationPreferences(row?.value ?? [:])
    return Preference(
      namespace: PreferenceNamespace.notifications.name, value: choices.complete, version: row?.version ?? 0,
      updatedAt: row?.updatedAt)
  }
}

extension Preference {
  init(_ row: PreferenceRow) {
    self.init(namespace: row.namespace, value: row.value, version: row.version, updatedAt: row.updatedAt)
  }
}
