import Foundation
import NIOCore
import NIOSSL

/// A certificate with its key, checked whole.
struct TLSIdentity: Sendable {
  let context: NIOSSLContext
  /// The first certificate's end.
  let expiresAt: Date
  /// The files as they were.
  let files: TLSFiles

  /// - Throws: ``TLSFileError`` where a file is none of PEM, the two do not belong together, or the time is past or has
  ///   not come.
  init(_ files: TLSFiles, _ settings: TLSSettings, offersHTTP2: Bool, now: Date) throws(TLSFileError) {
    self.files = files
    let certificates = try Self.certificates(files, settings)
    let key = try Self.key(files, settings)
    expiresAt = Date(timeIntervalSince1970: Double(certificates[0].notValidAfter))
    guard expiresAt > now else {
      throw TLSFileError(
        .certificate, settings.certificateFile,
        "the certificate expired at \(expiresAt.formatted(.iso8601)); one that is valid belongs here")
    }
    let begins = Date(timeIntervalSince1970: Double(certificates[0].notValidBefore))
    guard begins <= now else {
      throw TLSFileError(
        .certificate, settings.certificateFile,
        "the certificate is not valid before \(begins.formatted(.iso8601)); one that is valid now belongs here")
    }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = settings.minimumVersion == .tls13 ? .tlsv13 : .tlsv12
    configuration.cipherSuiteValues = Self.ciphers
    configuration.curves = [.x25519, .secp256r1, .secp384r1]
    configuration.applicationProtocols = offersHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"]
    configuration.shutdownTimeout = .seconds(2)
    do { context = try NIOSSLContext(configuration: configuration) } catch {
      throw TLSFileError(
        .key, settings.keyFile,
        "the key is not that of the first certificate in \(settings.certificateFile); "
          + "the server's own certificate comes first there, and its private key belongs here")
    }
  }

  private static let ciphers: [NIOTLSCipher] = [
    .TLS_AES_128_GCM_SHA256, .TLS_AES_256_GCM_SHA384, .TLS_CHACHA20_POLY1305_SHA256,
    .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
  ]

  private static func certificates(
    _ files: TLSFiles, _ settings: TLSSettings
  ) throws(TLSFileError) -> [NIOSSLCertificate] {
    guard let certificates = try? NIOSSLCertificate.fromPEMBytes(files.certificate), !certificates.isEmpty else {
      throw TLSFileError(
        .certificate, settings.certificateFile,
        "no certificate can be read from it; PEM belongs here (-----BEGIN CERTIFICATE-----), the server's own first")
    }
    return certificates
  }

  private static func key(_ files: TLSFiles, _ settings: TLSSettings) throws(TLSFileError) -> NIOSSLPrivateKey {
    do {
      // Without this a passphrase would be asked for at the terminal.
      return try NIOSSLPrivateKey(bytes: files.key, format: .pem) { (_: ([UInt8]) -> Void) in throw Encrypted() }
    } catch {
      let isEncrypted = files.key.containsText("ENCRYPTED")
      throw TLSFileError(
        .key, settings.keyFile,
        isEncrypted
          ? "the key is encrypted; one without a passphrase belongs here, readable by the gateway alone"
          : "no private key can be read from it; PEM belongs here (-----BEGIN PRIVATE KEY-----)")
    }
  }

  private struct Encrypted: Error {}
}

/// What is in a certificate's and a key's file.
struct TLSFiles: Sendable, Equatable {
  /// Much more than a chain has.
  private static let maximumBytes = 1 << 20
  var certificate: [UInt8]
  var key: [UInt8]

  /// Waits for the disk.
  ///
  /// - Throws: ``TLSFileError`` where a file cannot be read, or has more than a mebibyte.
  init(_ settings: TLSSettings) throws(TLSFileError) {
    certificate = try Self.read(.certificate, settings.certificateFile)
    key = try Self.read(.key, settings.keyFile)
  }

  private static func read(_ file: TLSFileError.File, _ path: String) throws(TLSFileError) -> [UInt8] {
    do {
      let handle = try FileHandle(forReadingFrom: URL(filePath: path))
      defer { try? handle.close() }
      let bytes = try handle.read(upToCount: maximumBytes + 1) ?? Data()
      guard bytes.count <= maximumBytes else { throw TooLarge() }
      return Array(bytes)
    } catch is TooLarge {
      throw TLSFileError(file, path, "it has more than \(maximumBytes) bytes; a file in PEM belongs here")
    } catch {
      throw TLSFileError(
        file, path, "it cannot be read: \((error as NSError).localizedDescription); a file in PEM belongs here")
    }
  }

  private struct TooLarge: Error {}
}

extension [UInt8] {
  fileprivate func containsText(_ text: String) -> Bool { firstRange(of: Array(text.utf8)) != nil }
}
