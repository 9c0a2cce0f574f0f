/// One kind of thing that happens in a service, declared once in its API target: `user.registered.v1`.
///
/// Its payload carries ids, never personal data: an event is kept, replayed and read by services that are not yet
/// written. It changes by addition; what cannot is a new type with the next version.
public struct EventType<Payload: Codable & Sendable>: EventDescription {
  public let name: String
  public let summary: String

  /// - Parameters:
  ///   - name: `family.what.vN`: lower-case letters, digits and `_`, at most 100 bytes. Events of one family about one
  ///     subject are numbered together, so that a consumer can put them in order.
  ///   - summary: One line for the reference page.
  public init(_ name: String, summary: String) {
    precondition(Self.isWellFormed(name), "\(name) is no event type: write it like user.registered.v1")
    self.name = name
    self.summary = summary
  }

  private static func isWellFormed(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard name.utf8.count <= 100, parts.count == 3, parts[2].first == "v", Int(parts[2].dropFirst()) ?? 0 > 0 else {
      return false
    }
    return parts.allSatisfy { part in
      !part.isEmpty
        && part.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") }
    }
  }
}

/// An event type with its payload forgotten: what the reference page and the topology read.
public protocol EventDescription: Sendable {
  associatedtype Payload: Codable & Sendable
  var name: String { get }
  var summary: String { get }
}

extension EventDescription {
  public var payloadType: Payload.Type { Payload.self }
  /// What stands before the first dot.
  public var family: String { String(name.prefix { $0 != "." }) }
}
