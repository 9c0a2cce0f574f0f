import Foundation
import Gateway
import GravityContracts

/// A route as it is being read.
struct RouteDraft: Sendable {
  /// What is foreign has no health check that anybody knows of, unless the file says so.
  var route: Route = {
    var route = Route("", path: "", service: "", access: .authenticated)
    route.health = .passive
    return route
  }()
  var upstreams: [Upstream] = []
  /// Where the route stands, and its keys' values.
  var place = Place(line: 1, column: 1)
  var places: [String: Place] = [:]
}

extension Key where Subject == RouteDraft {
  /// Every key that a route may have: the only list of them.
  static let route: [Key] = [
    Key("name", .name, required: true) { $0.route.name = $1 },
    Key("path", .path, required: true) { $0.route.path = $1 },
    Key("hosts", .list(of: .host, "hosts", atMost: 64)) { $0.route.hosts = $1 },
    Key("methods", .list(of: .word(methods), "methods", atMost: methods.count)) { $0.route.methods = $1 },
    Key("headers", .conditions) { $0.route.headers = $1 },
    Key("upstreams", .list(of: .upstream, "upstreams", atMost: 256), required: true) { $0.upstreams = $1 },
    Key("access", .access, required: true) { $0.route.access = $1 },
    Key("rate_limit", .rateLimit) { $0.route.rateLimit = $1 },
    Key("timeout", .duration(.milliseconds(1)...(.seconds(3_600)))) { $0.route.timeout = $1 },
    Key("retries", .integer(1...10)) { $0.route.attempts = $1 },
    Key("balance", .balance) { $0.route.balance = $1 },
    Key("health", .health) { $0.route.health = $1 },
    Key("max_body", .size) { $0.route.maximumBodyBytes = $1 },
    Key("identity_headers", .flag) { $0.route.identityHeaders = $1 },
    Key("urgent", .flag) { $0.route.isUrgent = $1 },
    Key("path_parameters", .flag) { $0.route.takesPathParameters = $1 },
    Key("cors", .cors) { $0.route.cors = $1 },
    Key("compression", .flag) { $0.route.compression = $1 ? CompressionPolicy() : nil },
    Key("security_headers", .securityHeaders) { $0.route.securityHeaders = $1 },
  ]

  private static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
}

extension Reader where Value == Access {
  /// `public`, `authenticated`, `{permission: "orders:read"}`
  static var access: Reader {
    Reader { node, mistakes in
      let expected = "public, authenticated, or {permission: \"RESOURCE:ACTION\"}"
      switch node.content {
      case .text("public", _): return .public
      case .text("authenticated", _): return .authenticated
      case .mapping:
        let permission = Reader<String>.mapping(
          "access", [Key("permission", .permission, required: true) { $0 = $1 }], from: "")
        return permission.read(node, &mistakes).map { .permission(Permission(rawValue: $0)) }
      default:
        mistakes.add(node.place, node.kind, expected: expected)
        return nil
      }
    }
  }
}

extension Reader where Value == RateLimit {
  static var rateLimit: Reader {
    .mapping(
      "rate_limit",
      [
        Key("limit", .integer(1...1_000_000_000), required: true) { $0.requests = $1 },
        Key("window", .duration(.milliseconds(1)...(.seconds(86_400))), required: true) { $0.window = $1 },
        Key("by", .word(RateLimit.Counting.allCases.map(\.rawValue))) {
          $0.by = RateLimit.Counting(rawValue: $1) ?? .caller
        },
        Key("shadow", .flag) { $0.isShadow = $1 },
      ], from: RateLimit("", requests: 1, per: .seconds(1)))
  }
}

extension Reader where Value == ServiceHealth {
  private struct Probe: Sendable {
    var path = ""
    var interval: Duration = .seconds(5)
  }

  /// `passive`, or `{path: /healthz, interval: 5s}`
  static var health: Reader {
    Reader { node, mistakes in
      if case .text("passive", _) = node.content { return .passive }
      guard case .mapping = node.content else {
        mistakes.add(node.place, node.kind, expected: "passive, or {path: /healthz, interval: 5s}")
        return nil
      }
      let probe = Reader<Probe>.mapping(
        "health",
        [
          Key("path", .probePath, required: true) { $0.path = $1 },
          Key("interval", .duration(.milliseconds(200)...(.seconds(3_600)))) { $0.interval = $1 },
        ], from: Probe())
      return probe.read(node, &mistakes).map { .probe(path: $0.path, interval: $0.interval) }
    }
  }
}

extension Reader where Value == [HeaderCondition] {
  private struct Draft: Sendable {
    var name = ""
    var rules: [HeaderCondition.Rule] = []
  }

  /// `[{name: x-plan, value: paid}, {name: x-beta, present: true}]`
  static var conditions: Reader {
    Reader { node, mistakes in
      guard case .list(let nodes) = node.content, (1...16).contains(nodes.count) else {
        mistakes.add(
          node.place, node.kind, expected: "a list of 1 to 16 conditions such as {name: x-plan, value: paid}")
        return nil
      }
      var conditions: [HeaderCondition] = []
      let draft = Reader<Draft>.mapping(
        "a header condition",
        [
          Key("name", .plainText("the name of a header field") { !$0.isEmpty }, required: true) { $0.name = $1 },
          Key("value", .text("a text") { $0 }) { $0.rules.append(.value($1)) },
          Key("prefix", .text("a text") { $0 }) { $0.rules.append(.prefix($1)) },
          Key("present", .flag) { $0.rules.append($1 ? .present : .absent) },
        ], from: Draft())
      for node in nodes {
        guard let draft = draft.read(node, &mistakes) else { continue }
        guard draft.rules.count == 1 else {
          mistakes.add(
            node.place, "\(draft.rules.count) rules in one condition", expected: "one of value, prefix or present")
          continue
        }
        conditions.append(HeaderCondition(draft.name, draft.rules[0]))
      }
      return conditions.count == nodes.count ? conditions : nil
    }
  }
}
