public import Foundation

/// The client by which the platform's own console sends people to the pages of auth. It comes with the platform, and what it
/// gets is a login of one's own, as by the console's forms.
public enum ConsoleClient {
  /// The `client_id`: version 8 (RFC 9562 §5.8), and `console` at its end.
  public static let id = UUID(
    uuid: (0, 0, 0, 0, 0, 0, 0x80, 0, 0x80, 0x63, 0x6F, 0x6E, 0x73, 0x6F, 0x6C, 0x65))
  /// Where browsers come back to, beneath the issuer.
  public static let path = "/console/signed-in"
}
