public import Foundation
public import GravityContracts

extension NotificationAPI {
  static let deviceEndpoints: [any EndpointDescription] = [registerDevice, devices, dropDevice]

  /// A token that is there already is this device, with what is said now; one of another user's becomes the caller's, as
  /// when somebody else signs in on a device. Beyond 10 of a user the one that was registered longest ago goes.
  public static let registerDevice = Endpoint<NewPushDevice, PushDevice>(
    "registerPushDevice", .post, "/api/v1/notifications/devices", access: .authenticated,
    summary: "Have push messages sent to this device, too", success: 201)

  public static let devices = Endpoint<Empty, PushDeviceList>(
    "pushDevices", .get, "/api/v1/notifications/devices", access: .authenticated,
    summary: "The caller's devices, that which was registered last first")

  public static let dropDevice = Endpoint<PushDeviceID, Empty>(
    "dropPushDevice", .delete, "/api/v1/notifications/devices/{id}", access: .authenticated,
    summary: "Send nothing to a device any more, as upon signing out", owned: true, problems: ["not_found"])
}

/// A device of a user that takes push messages. Its token is told to providers only.
public struct PushDevice: Codable, Sendable, Hashable {
  public var id: UUID
  public var platform: Open<PushPlatform>
  public var name: String?
  public var registeredAt: Date

  public init(id: UUID, platform: PushPlatform, name: String?, registeredAt: Date) {
    self.id = id
    self.platform = .known(platform)
    self.name = name
    self.registeredAt = registeredAt
  }

  enum CodingKeys: String, CodingKey {
    case id, platform, name
    case registeredAt = "registered_at"
  }
}

public enum PushPlatform: String, Codable, Sendable, CaseIterable { case ios, android, web }

public struct NewPushDevice: Codable, Sendable {
  public var platform: PushPlatform
  /// As the platform gives it: 1 to 4096 printable ASCII characters.
  public var token: String
  /// For its user; 1 to 100 characters.
  public var name: String?

  public init(platform: PushPlatform, token: String, name: String? = nil) {
    self.platform = platform
    self.token = token
    self.name = name
  }
}

public struct PushDeviceID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

/// At most 10, so it is one page.
public struct PushDeviceList: Codable, Sendable, Hashable {
  public var items: [PushDevice]
  public init(items: [PushDevice]) { self.items = items }
}
