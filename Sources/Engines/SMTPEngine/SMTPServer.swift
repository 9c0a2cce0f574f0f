public import NIOCore

/// Looks at a server without sending anything.
public enum SMTPServer {
  public struct Examination: Sendable, Hashable {
    /// Whether mails would go over TLS.
    public var isEncrypted: Bool
    /// Whether it took user and password; false where there are none.
    public var isLoggedIn: Bool
    public var host: String
    public var port: Int
  }

  /// Connects, begins TLS, logs in and says good-bye, as a mail would.
  /// - Throws: ``SMTPError``, whose step says how far it came.
  public static func examine(
    url: String, times: SMTPTransport.Times = .init(), group: any EventLoopGroup
  ) async throws(SMTPError) -> Examination {
    let address = try SMTPAddress(url)
    let connection = try await SMTPOpening(address: address, times: times, group: group).open()
    await connection.quit()
    return Examination(
      isEncrypted: connection.usesTLS, isLoggedIn: address.user != nil, host: address.host, port: address.port)
  }

  /// Whether the URL can be used.
  /// - Throws: ``SMTPError`` with `configure`.
  public static func check(url: String) throws(SMTPError) { _ = try SMTPAddress(url) }
}
