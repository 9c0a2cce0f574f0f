/// TLS at the gateway's port. Ciphers are those of TLS 1.3, and of TLS 1.2 those with forward secrecy and authenticated
/// encryption alone (RFC 9325 §4.2).
public struct TLSSettings: Sendable {
  /// PEM: the server's own certificate first, then the ones that vouch for it.
  public var certificateFile: String
  /// PEM: the certificate's private key, not encrypted.
  public var keyFile: String
  /// Clients that speak nothing newer than what comes before it are refused in the handshake.
  public var minimumVersion = Version.tls12
  /// How often the files are looked at. New ones serve new connections; ones that cannot be used are refused and told to
  /// the log, and those before stay in force.
  public var reloadInterval: Duration = .seconds(5)

  /// Versions of TLS that may be asked for (RFC 8996: what is older is spoken nowhere).
  public enum Version: String, Sendable, CaseIterable, CustomStringConvertible {
    case tls12 = "1.2"
    case tls13 = "1.3"
    /// `1.2`
    public var description: String { rawValue }
  }

  /// What the files hold is looked at by the gateway that is given them, which throws ``TLSFileError``.
  public init(certificateFile: String, keyFile: String) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }
}

/// Why a certificate and its key cannot be used: which file, what was found, what belongs there.
public struct TLSFileError: Error, Sendable, CustomStringConvertible {
  /// The two files that TLS needs.
  public enum File: Sendable { case certificate, key }
  /// The one that is at fault.
  public var file: File
  /// The file's path, what was found, and what belongs there.
  public var description: String

  init(_ file: File, _ path: String, _ description: String) {
    self.file = file
    self.description = "\(path): \(description)"
  }
}
