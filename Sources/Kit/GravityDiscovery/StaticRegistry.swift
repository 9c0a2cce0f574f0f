/// Addresses by configuration: `auth=127.0.0.1:8001,127.0.0.1:9001;user=127.0.0.1:8002`.
public struct StaticRegistry: Registry {
  private let instances: [String: [ServiceInstance]]

  /// - Throws: ``Malformed`` with what was expected.
  public init(_ text: String) throws(Malformed) {
    var instances: [String: [ServiceInstance]] = [:]
    for entry in text.split(separator: ";") {
      let sides = entry.split(separator: "=", maxSplits: 1).map { $0.trimmed }
      guard sides.count == 2, !sides[0].isEmpty else {
        throw Malformed("\"\(entry)\": write NAME=HOST:PORT[,HOST:PORT…], entries apart by ;")
      }
      for address in sides[1].split(separator: ",") {
        guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...].trimmed),
          (1...65535).contains(port)
        else { throw Malformed("\"\(address)\" of \(sides[0]): write HOST:PORT with a port of 1 to 65535") }
        let host = address[..<colon].trimmed.trimming("[", "]")
        guard !host.isEmpty else { throw Malformed("\"\(address)\" of \(sides[0]): the host is missing") }
        instances[sides[0], default: []].append(
          ServiceInstance(id: "\(sides[0])-\(host)-\(port)", service: sides[0], host: host, port: port))
      }
    }
    self.instances = instances
  }

  public struct Malformed: Error, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
  }

  /// Nothing: the addresses are somebody else's to change.
  public func register(_ instance: ServiceInstance) {}
  /// Nothing: the addresses are somebody else's to change.
  public func deregister(id: String) {}

  public func instances(of service: String) -> AsyncStream<[ServiceInstance]> {
    // Stays open: a stream that ends would tell the listener that there is no registry any more.
    AsyncStream { $0.yield(instances[service] ?? []) }
  }
}

extension Substring {
  fileprivate var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}

extension String {
  fileprivate func trimming(_ prefix: Character, _ suffix: Character) -> String {
    first == prefix && last == suffix ? String(dropFirst().dropLast()) : self
  }
}
