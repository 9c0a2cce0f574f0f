import NIOCore

/// Why a program could not start: one clear line, and the code of sysexits(3) that it ends with.
public struct StartFailure: Error, Sendable, CustomStringConvertible {
  public enum Code: Int32, Sendable {
    /// The command line is wrong.
    case usage = 64
    /// Something that it needs cannot be reached.
    case unavailable = 69
    /// A mistake in the program.
    case software = 70
    /// A file or folder cannot be made.
    case cannotCreate = 73
    case inputOutput = 74
    case permission = 77
    /// A setting is wrong.
    case configuration = 78
  }
  public var code: Code
  public var description: String
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  /// Says why nothing can listen there.
  public init(listeningOn host: String, port: Int, _ error: any Error) {
    guard let error = error as? IOError else {
      self.init(.configuration, "cannot listen on \(host):\(port): \(error)")
      return
    }
    switch error.errnoCode {
    case 98, 48:
      self.init(
        .unavailable,
        "port \(port) of \(host) is in use by another program; stop that, or choose others with --port-offset")
    case 13: self.init(.permission, "no permission to listen on port \(port) of \(host); choose one above 1023")
    case 99, 49: self.init(.configuration, "\(host) is not an address of this machine")
    default: self.init(.unavailable, "cannot listen on \(host):\(port): \(error)")
    }
  }
}
