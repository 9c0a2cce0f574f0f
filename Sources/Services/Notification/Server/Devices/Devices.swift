import Foundation
import GravityContracts
import GravityData
import GravityHTTP
import GravityIdentity
import NotificationAPI

/// What users do with the devices that take their push messages.
struct Devices: Sendable {
  let core: NotificationCore

  /// Of one user.
  static let greatestCount = 10
  /// Bytes.
  private static let greatestToken = 4_096

  func register(_ request: NewPushDevice, of user: UUID) async throws -> PushDevice {
    try Self.check(request)
    let id = core.newID()
    return try await core.write { transaction, now in
      guard try !NotificationStore(transaction).isErased(user) else { throw Problem.notFound("account") }
      let store = DeviceStore(transaction)
      let row = try store.save(
        DeviceRow(
          id: id, userID: user, platform: request.platform, token: request.token, name: request.name,
          registeredAt: now))
      try store.prune(of: user, to: Self.greatestCount)
      return row.device
    }
  }

  func list(of user: UUID) async throws -> PushDeviceList {
    try await core.read { transaction, _ in
      PushDeviceList(items: try DeviceStore(transaction).list(of: user).map(\.device))
    }
  }

  func drop(_ id: UUID, of user: UUID) async throws {
    try await core.write { transaction, _ in
      guard try DeviceStore(transaction).delete(id, of: user) else { throw Problem.notFound("device") }
    }
  }

  private static func check(_ request: NewPushDevice) throws {
    guard (1...greatestToken).contains(request.token.utf8.count),
      request.token.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { throw Problem.invalid("token", "format", "must be 1 to \(greatestToken) printable ASCII characters") }
    guard let name = request.name else { return }
    var errors: [Problem.FieldError] = []
    guard PlainText("name", of: NewPushDevice.self).checked(name, &errors) != nil else { throw Problem.invalid(errors) }
  }
}

extension NotificationService {
  /// Decodes, calls, encodes; nothing else.
  func bindDevices(_ routes: inout Routes) {
    let devices = Devices(core: core)
    routes.on(NotificationAPI.registerDevice) { request, scope in
      try await devices.register(request, of: try scope.principal.accountID)
    }
    routes.on(NotificationAPI.devices) { _, scope in try await devices.list(of: try scope.principal.accountID) }
    routes.on(NotificationAPI.dropDevice) { request, scope in
      try await devices.drop(request.id, of: try scope.principal.accountID)
      return Empty()
    }
  }
}
