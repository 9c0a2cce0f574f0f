/// How a service's name in DNS is made: `{service}.gravity-services.svc.cluster.local:{port}`.
public struct DNSTemplate: Sendable, Equatable {
  private let host: String
  /// nil is the service's own.
  private let port: Int?

  /// - Throws: ``Malformed`` with what was expected.
  public init(_ text: String) throws(Malformed) {
    guard let colon = text.lastIndex(of: ":") else {
      throw Malformed("\"\(text)\" has no port: write a name and :{port}, or :8080")
    }
    let host = String(text[..<colon])
    let port = String(text[text.index(after: colon)...])
    let rest = host.replacing("{service}", with: "")
    guard !host.isEmpty, host.utf8.count <= 253, rest.utf8.allSatisfy(Self.mayStandInAName) else {
      throw Malformed(
        "\"\(host)\" is no name: {service} stands for the service, the rest is letters, digits, - and .")
    }
    guard host.contains("{service}") || port == "{port}" else {
      throw Malformed("\"\(text)\" is the same for every service: let the name have {service}, or the port be {port}")
    }
    self.host = host
    if port == "{port}" {
      self.port = nil
    } else if let number = Int(port), (1...65_535).contains(number) {
      self.port = number
    } else {
      throw Malformed("\"\(port)\" is no port: write {port}, or a number from 1 to 65535")
    }
  }

  private static func mayStandInAName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  public struct Malformed: Error, Sendable, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
  }

  func host(of service: String) -> String { host.replacing("{service}", with: service) }
  /// nil where neither the template nor the services' own ports know one.
  func port(of service: String, _ ports: [String: Int]) -> Int? { port ?? ports[service] }
}
