/// TLS at the gateway's port. Ciphers are those of TLS 1.3, and of TLS 1.2 those with forward secrecy and authenticated
/// encryption alone (RFC 9325 §4.2).
public struct TLSSettings: Sendable {
  /// PEM: the server's own certificate first, then the ones that vouch for it.
  public var certificateFile: String
  /// PEM: the certificate's private key, not encrypted.
  public var keyFile: String
  public var minimumVersion = Version.tls12
  /// How often the files are looked at. New ones serve new connections; ones that cannot be used are refused and told to
  /// the log, and those before stay in force.
  public var reloadInterval: Duration = .seconds(5)

  public enum Version: String, Sendable, CaseIterable, CustomStringConvertible {
    case tls12 = "1.2"
    case tls13 = "1.3"
    public var description: String { rawValue }
  }

  public init(certificateFile: String, keyFile: String) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }
}

/// Why a certificate and its key cannot be used: which file, what was found, what belongs there.
public struct TLSFileError: Error, Sendable, CustomStringConvertible {
  public enum File: Sendable { case certificate, key }
  public var file: File
  public var description: String

  init(_ file: File, _ path: String, _ description: String) {
    self.file = file
    self.description = "\(path): \(description)"
  }
}
