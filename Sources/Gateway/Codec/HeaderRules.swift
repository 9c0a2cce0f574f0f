/// Which header fields do not pass.
enum HeaderRules {
  /// Fields of one connection (RFC 9110 §7.6.1) that are not looked at for themselves.
  static func isHopByHop(_ name: UnsafeRawBufferPointer) -> Bool {
    name.isEqualIgnoringCase("keep-alive") || name.isEqualIgnoringCase("proxy-connection")
      || name.isEqualIgnoringCase("proxy-authorization") || name.isEqualIgnoringCase("proxy-authenticate")
  }

  /// Fields by which something behind the gateway might be told who calls, from where, or for what path or method.
  /// No client may say that: the token does, and the gateway.
  static func isIdentity(_ name: UnsafeRawBufferPointer) -> Bool {
    guard let first = name.first else { return false }
    switch first | 0x20 {
    case UInt8(ascii: "x"): return isIdentityExtension(name)
    case UInt8(ascii: "c"):
      return name.isEqualIgnoringCase("client-ip") || name.isEqualIgnoringCase("cf-connecting-ip")
        || name.hasPrefixIgnoringCase("cf-access-")
    case UInt8(ascii: "i"): return name.hasPrefixIgnoringCase("impersonate-")
    // `Proxy` becomes HTTP_PROXY in CGI-like servers (httpoxy).
    case UInt8(ascii: "p"): return name.isEqualIgnoringCase("proxy")
    case UInt8(ascii: "r"): return name.hasPrefixIgnoringCase("remote-")
    case UInt8(ascii: "t"): return name.isEqualIgnoringCase("true-client-ip")
    default: return false
    }
  }

  private static func isIdentityExtension(_ name: UnsafeRawBufferPointer) -> Bool {
    guard name.count > 3 else { return false }
    func begins(_ prefixes: StaticString...) -> Bool { prefixes.contains { name.hasPrefixIgnoringCase($0) } }
    switch name[2] | 0x20 {
    case UInt8(ascii: "a"): return begins("x-auth", "x-account", "x-act-as", "x-amzn-oidc-", "x-api-consumer")
    case UInt8(ascii: "c"): return begins("x-client-", "x-cluster-client-ip", "x-consumer", "x-credential", "x-claim")
    case UInt8(ascii: "e"): return begins("x-envoy-", "x-email")
    case UInt8(ascii: "f"): return begins("x-forwarded", "x-forwarder")
    case UInt8(ascii: "g"): return begins("x-gravity", "x-goog-", "x-group")
    case UInt8(ascii: "h"): return begins("x-http-method", "x-host")
    case UInt8(ascii: "i"): return begins("x-internal", "x-impersonate", "x-identity")
    case UInt8(ascii: "j"): return begins("x-jwt")
    case UInt8(ascii: "m"): return begins("x-method", "x-ms-client-principal")
    case UInt8(ascii: "o"): return begins("x-original-", "x-originating-", "x-org")
    case UInt8(ascii: "p"): return begins("x-permission", "x-principal")
    case UInt8(ascii: "r"): return begins("x-real-ip", "x-remote", "x-request-", "x-rewrite-", "x-role")
    case UInt8(ascii: "s"): return begins("x-scope", "x-session", "x-ssl-", "x-subject", "x-sub")
    case UInt8(ascii: "t"): return begins("x-tenant", "x-token", "x-true-")
    case UInt8(ascii: "u"): return begins("x-user")
    case UInt8(ascii: "v"): return begins("x-verified")
    default: return false
    }
  }

  /// Fields that a trailer section may not carry (RFC 9110 §6.5.1): framing, routing, authentication, identity.
  static func isForbiddenInTrailers(_ name: UnsafeRawBufferPointer) -> Bool {
    isIdentity(name) || isHopByHop(name) || name.isEqualIgnoringCase("content-length")
      || name.isEqualIgnoringCase("transfer-encoding") || name.isEqualIgnoringCase("connection")
      || name.isEqualIgnoringCase("host") || name.isEqualIgnoringCase("authorization")
      || name.isEqualIgnoringCase("trailer") || name.isEqualIgnoringCase("te") || name.isEqualIgnoringCase("upgrade")
      || name.isEqualIgnoringCase("expect") || name.isEqualIgnoringCase("cookie")
      || name.isEqualIgnoringCase("set-cookie") || name.isEqualIgnoringCase("content-type")
      || name.isEqualIgnoringCase("content-encoding") || name.isEqualIgnoringCase("content-range")
      || name.isEqualIgnoringCase("cache-control") || name.isEqualIgnoringCase("forwarded")
      || name.isEqualIgnoringCase("traceparent")
  }
}
