import AuthAPI
import Foundation
import GravityContracts
import GravityData
import GravityIdentity

/// What administrators do with clients. Nobody gives a client a permission that they do not hold, nor gets at the
/// secret of one that has more; over the platform's own decides who holds everything.
struct Clients: Sendable {
  /// Of all.
  private static let greatestCount = 10_000
  /// So that one can be replaced by the other without an interruption.
  private static let greatestSecrets = 2

  let core: AuthCore
  let revocations: Revocations
  let known: KnownClients

  func list(_ request: PageRequest) async throws -> Page<Client> {
    let limit = try PageLimit.checked(request.limit)
    let after = try request.cursor.map { try $0.id }
    return try await core.read { transaction, _ in
      let rows = try ClientStore(transaction).list(after: after, limit: limit + 1)
      let secrets = try ClientSecretStore(transaction).all(of: rows.map(\.id))
      return Page(fetched: rows.map { $0.client(secrets: secrets[$0.id] ?? []) }, limit: limit) {
        Cursor([$0.id.lowercased])
      }
    }
  }

  func find(_ id: UUID) async throws -> Client {
    try await core.read { transaction, _ in try Self.told(try Self.existing(id, transaction), transaction) }
  }

  func create(_ request: NewClient, by principal: Principal) async throws -> CreatedClient {
    let (id, secretID) = (core.newID(), core.newID())
    let secret = ClientSecret.make(core.randomBytes(32))
    return try await core.write { [core] transaction, now in
      let row = ClientRow(request, id: id, at: now)
      try Self.check(row)
      try principal.requireHolding(row.governing)
      let store = ClientStore(transaction)
      guard try store.count() < Self.greatestCount else {
        throw Problem(409, "too_many_clients", "There are \(Self.greatestCount) clients already")
      }
      try store.insert(row)
      if row.hasSecrets {
        try ClientSecretStore(transaction).insert(secretID, of: id, hash: ClientSecret.hash(secret), at: now)
      }
      try core.events.record(.clientChanged(client: id), in: transaction)
      return CreatedClient(
        client: try Self.told(row, transaction), clientSecret: row.hasSecrets ? secret : nil)
    }
  }

  func update(
    _ request: ClientUpdate, by principal: Principal, _ require: @escaping Roles.Precondition
  ) async throws -> Client {
    let (client, revoked) = try await core.write { [core, revocations] transaction, now -> (Client, [Revocation]) in
      try RevocationStore(transaction).expectToRevoke()
      let old = try Self.existing(request.id, transaction)
      try require(old.client(secrets: []).entityTag)
      var row = old
      row.apply(request)
      if row.isBuiltIn {
        var kept = old
        kept.enabled = row.enabled
        guard row == kept else { throw Self.protected }
      }
      try Self.check(row)
      try principal.requireHolding(old.governing + row.governing)
      // What was promised to nobody any more must not live on in a token.
      let isLess = row.scopes != old.scopes || row.grants != old.grants || row.keys != old.keys || !row.enabled
      let revoked = isLess ? try revocations.endTokens(of: &row, transaction, now) : []
      // What people agreed to was to be sent to the addresses of then: at others they are asked anew.
      if !Set(row.redirectURIs).isSubset(of: old.redirectURIs) {
        try ConsentStore(transaction).deleteAll(ofClient: row.id)
      }
      row = try ClientStore(transaction).update(row, at: now)
      try core.events.record(.clientChanged(client: row.id), in: transaction)
      return (try Self.told(row, transaction), revoked)
    }
    await known.changed(client.id, version: client.version)
    await revocations.apply(revoked)
    return client
  }

  func delete(_ id: UUID, by principal: Principal, _ require: @escaping Roles.Precondition) async throws {
    let (revoked, version) = try await core.write { [core, revocations] transaction, now in
      try RevocationStore(transaction).expectToRevoke()
      var row = try Self.existing(id, transaction)
      try require(row.client(secrets: []).entityTag)
      guard !row.isBuiltIn else { throw Self.protected }
      try principal.requireHolding(row.governing)
      let revoked = try revocations.endTokens(of: &row, transaction, now)
      try ClientSecretStore(transaction).deleteAll(of: id)
      try ConsentStore(transaction).deleteAll(ofClient: id)
      try ClientStore(transaction).delete(id)
      try core.events.record(.clientChanged(client: id), in: transaction)
      return (revoked, row.version)
    }
    await known.deleted(id, version: version)
    await revocations.apply(revoked)
  }

  // MARK: Secrets

  func createSecret(of id: UUID, by principal: Principal) async throws -> CreatedClientSecret {
    let secretID = core.newID()
    let secret = ClientSecret.make(core.randomBytes(32))
    let (made, version) = try await core.write { [core] transaction, now in
      let row = try Self.existing(id, transaction)
      try principal.requireHolding(row.governing)
      guard row.hasSecrets else {
        throw Problem(409, "no_secrets", "The client authenticates by \(row.authentication.rawValue), not by a secret")
      }
      let store = ClientSecretStore(transaction)
      guard try store.all(of: id).count < Self.greatestSecrets else {
        throw Problem(
          409, "too_many_secrets", "The client has two secrets already", detail: "Delete the one that is not used.")
      }
      try store.insert(secretID, of: id, hash: ClientSecret.hash(secret), at: now)
      // So that two who make one at once do not leave three.
      let version = try ClientStore(transaction).update(row, at: now).version
      try core.events.record(.clientChanged(client: id), in: transaction)
      return (CreatedClientSecret(id: secretID, clientSecret: secret, createdAt: now), version)
    }
    await known.changed(id, version: version)
    return made
  }

  func deleteSecret(_ secret: UUID, of id: UUID, by principal: Principal) async throws {
    let version = try await core.write { [core] transaction, now in
      let row = try Self.existing(id, transaction)
      try principal.requireHolding(row.governing)
      let store = ClientSecretStore(transaction)
      guard try store.delete(secret, of: id) else { throw Problem.notFound("secret") }
      guard try !store.all(of: id).isEmpty else {
        throw Problem(409, "last_secret", "It is the client's last secret", detail: "Make another one first.")
      }
      let version = try ClientStore(transaction).update(row, at: now).version
      try core.events.record(.clientChanged(client: id), in: transaction)
      return version
    }
    await known.changed(id, version: version)
  }

  private static func existing(_ id: UUID, _ transaction: any Transaction) throws -> ClientRow {
    guard let row = try ClientStore(transaction).find(id) else { throw Problem.notFound("client") }
    return row
  }

  private static func told(_ row: ClientRow, _ transaction: any Transaction) throws -> Client {
    row.client(secrets: try ClientSecretStore(transaction).all(of: row.id).map(\.info))
  }

  private static func check(_ row: ClientRow) throws {
    let errors = ClientRules.errors(in: row)
    guard errors.isEmpty else { throw Problem.invalid(errors) }
  }
}

extension ClientRow {
  fileprivate mutating func apply(_ update: ClientUpdate) {
    name = update.name.map(PersonName.trimmed) ?? name
    grants = update.grants ?? grants
    scopes = update.scopes ?? scopes
    redirectURIs = update.redirectURIs ?? redirectURIs
    postLogoutRedirectURIs = update.postLogoutRedirectURIs ?? postLogoutRedirectURIs
    keys = update.keys ?? keys
    firstParty = update.firstParty ?? firstParty
    enabled = update.enabled ?? enabled
  }
}

extension Revocations {
  /// Every token that the client got until now, and what it could exchange for one, inside a transaction; `row` is to be
  /// written afterwards.
  func endTokens(of row: inout ClientRow, _ transaction: any Transaction, _ now: Date) throws -> [Revocation] {
    row.epoch += 1
    try AuthorizationCodeStore(transaction).deleteOpen(ofClient: row.id)
    try DeviceStore(transaction).deleteAll(ofClient: row.id)
    // Of a session that was not used for longer there is no access token left.
    let sessions = try SessionStore(transaction).revokeAll(
      ofClient: row.id, at: now, usedSince: now - greatestAge)
    let revoked = [subject(row.id, epoch: row.epoch, now: now)] + sessions.map { session($0, now: now) }
    try RevocationStore(transaction).insert(revoked)
    return revoked
  }
}
