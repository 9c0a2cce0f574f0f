import Gateway

// How a route's requests are spread, and what its answers say to browsers.

extension Reader where Value == Balancing {
  /// `peak_ewma`, `round_robin`, `least_connections`, `{consistent_hash: client}`,
  /// `{consistent_hash: {header: x-user}, load_percent: 125}`
  static var balance: Reader {
    Reader { node, mistakes in
      switch node.content {
      case .text("peak_ewma", _): return .peakEWMA
      case .text("round_robin", _): return .roundRobin
      case .text("least_connections", _): return .leastConnections
      case .mapping:
        return Reader<HashDraft>.mapping(
          "balance",
          [
            Key("consistent_hash", .hashKey, required: true) { $0.key = $1 },
            Key("load_percent", .integer(101...1_000)) { $0.loadPercent = $1 },
          ], from: HashDraft()
        ).read(node, &mistakes).map { draft in
          .consistentHash(by: draft.key, loadFactor: draft.loadPercent.map { Double($0) / 100 })
        }
      default:
        mistakes.add(
          node.place, node.kind,
          expected: "peak_ewma, round_robin, least_connections, or {consistent_hash: {header: x-user}}")
        return nil
      }
    }
  }
}

private struct HashDraft: Sendable {
  var key = Balancing.HashKey.client
  var loadPercent: Int?
}

extension Reader where Value == Balancing.HashKey {
  fileprivate static var hashKey: Reader {
    Reader { node, mistakes in
      if case .text("client", _) = node.content { return .client }
      guard case .mapping(let pairs) = node.content, pairs.count == 1 else {
        mistakes.add(node.place, node.kind, expected: "client, {header: NAME}, {cookie: NAME} or {path_field: NAME}")
        return nil
      }
      let name = Reader<String>.plainText("a name") { !$0.isEmpty }
      return Reader.mapping(
        "consistent_hash",
        [
          Key("header", name) { $0 = .header($1) }, Key("cookie", name) { $0 = .cookie($1) },
          Key("path_field", name) { $0 = .pathField($1) },
        ], from: .client
      ).read(node, &mistakes)
    }
  }
}

private struct CORSDraft: Sendable {
  var origins: [String] = []
  var methods: [String]?
  var headers = CORSPolicy.standardHeaders
  var exposedHeaders = CORSPolicy.standardExposedHeaders
  var allowsCredentials = false
  var maximumAge = Duration.seconds(600)
}

extension Reader where Value == CORSPolicy {
  /// `{origins: ["https://app.example.org"], methods: [GET], headers: [x-a], exposed: [x-b], credentials: true, max_age: 10m}`
  static var cors: Reader {
    Reader { node, mistakes in
      let text = Reader<String>.plainText("a text") { !$0.isEmpty }
      let draft = Reader<CORSDraft>.mapping(
        "cors",
        [
          Key("origins", .list(of: text, "origins", atMost: 256), required: true) { $0.origins = $1 },
          Key("methods", .list(of: text, "methods", atMost: 16)) { $0.methods = $1 },
          Key("headers", .list(of: text, "header fields", atMost: 64)) { $0.headers = $1 },
          Key("exposed", .list(of: text, "header fields", atMost: 64)) { $0.exposedHeaders = $1 },
          Key("credentials", .flag) { $0.allowsCredentials = $1 },
          Key("max_age", .duration(.zero ... .seconds(86_400))) { $0.maximumAge = $1 },
        ], from: CORSDraft()
      ).read(node, &mistakes)
      guard let draft else { return nil }
      do throws(RouteError) {
        return try CORSPolicy(
          origins: draft.origins, methods: draft.methods, headers: draft.headers,
          exposedHeaders: draft.exposedHeaders, allowsCredentials: draft.allowsCredentials,
          maximumAge: draft.maximumAge)
      } catch {
        mistakes.add(node.place, error.description)
        return nil
      }
    }
  }
}

extension Reader where Value == SecurityHeaders {
  /// `false`, or `{referrer_policy: …, frame_options: …, content_security_policy: …, strict_transport_security: …}`,
  /// where what is not named stays as it is by default.
  static var securityHeaders: Reader {
    Reader { node, mistakes in
      if case .text("false", false) = node.content { return SecurityHeaders.none }
      let text = Reader<String>.plainText("a text") { !$0.isEmpty }
      return Reader.mapping(
        "security_headers",
        [
          Key("sniffing", .flag) { $0.forbidsSniffing = !$1 },
          Key("referrer_policy", text) { $0.referrerPolicy = $1 },
          Key("frame_options", text) { $0.frameOptions = $1 },
          Key("content_security_policy", text) { $0.contentSecurityPolicy = $1 },
          Key("strict_transport_security", text) { $0.strictTransportSecurity = $1 },
        ], from: SecurityHeaders()
      ).read(node, &mistakes)
    }
  }
}
