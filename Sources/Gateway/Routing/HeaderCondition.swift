/// What a route asks of one header field of a request.
///
/// Only fields that travel on to the service are looked at, so that both see the same: not what `Connection` names, not
/// fields of one connection, none that claims an identity or an address. A route that asks for such a one is refused
/// when the gateway is made. A condition chooses a route; it does not authenticate anybody, for whoever sends the request
/// chooses its fields.
public struct HeaderCondition: Sendable, Hashable {
  /// What the field has to be like. A field in several lines has one value, theirs with `, ` between them (RFC 9110
  /// §5.3), without white space at a line's ends; values are compared byte by byte, in the case they have.
  public enum Rule: Sendable, Hashable {
    /// The field is there, with any value, also none.
    case present
    case absent
    /// 1 to 4096 bytes, as is a prefix.
    case value(String)
    case prefix(String)
  }

  /// In any case: 1 to 256 characters of a token (RFC 9110 §5.6.2), no underscore.
  public var name: String
  /// What the field has to be like.
  public var rule: Rule

  /// What is no field's name or value is told by the gateway that is given the route, as a ``RouteError``.
  public init(_ name: String, _ rule: Rule) {
    self.name = name
    self.rule = rule
  }
}
