import Crypto
public import Gateway
import GravityContracts
public import GravityDiscovery

/// Routes as a person writes them down, in YAML: read strictly, and all of a piece. What is not understood is a mistake,
/// never ignored, for a key that is misspelled might have been the one that protects a route.
public struct RouteFile: Sendable {
  /// In the file's order. A route's ``Route/service`` stands for its upstreams: routes with the same ones, looked at in
  /// the same way, have the same; other upstreams are another service, so that a route and where it leads change in one
  /// step.
  public var routes: [Route]
  /// Where each of these services is.
  public var instances: [String: [ServiceInstance]]

  /// The most that is read, in bytes.
  public static let greatestSize = FileReader.greatestSize
  /// The most routes that are taken.
  public static let greatestCount = 10_000

  /// What a file has to go with.
  public struct Rules: Sendable {
    /// Whether tokens can be checked; without that nothing but public routes is taken.
    public var checksTokens: Bool
    /// What checks them, for the message about a route that needs it.
    public var missingVerifier: String
    /// Routes that are there besides.
    public var others: [Route]
    /// Paths that the gateway answers itself, besides its own.
    public var local: [String]

    /// - Parameter missingVerifier: What has to be given for tokens to be checked, as people would write it.
    public init(
      checksTokens: Bool, missingVerifier: String = "somebody who checks tokens", others: [Route] = [],
      local: [String] = []
    ) {
      self.checksTokens = checksTokens
      self.missingVerifier = missingVerifier
      self.others = others
      self.local = local
    }
  }

  private struct Draft: Sendable {
    var routes: [FileNode] = []
  }

  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - name: What people are told that it is called.
  /// - Throws: ``RouteFileError`` with every mistake that can be found at once.
  public init(_ bytes: [UInt8], name: String, rules: Rules) throws(RouteFileError) {
    var mistakes = Mistakes()
    guard let root = FileReader.read(bytes, &mistakes) else {
      try mistakes.end(name)
      throw RouteFileError(name: name, mistakes: [])
    }
    var draft = Draft()
    Key<Draft>.read(
      root, "the file", [Key("routes", Self.nodes, required: true) { $0.routes = $1 }], into: &draft, &mistakes)
    var drafts: [RouteDraft] = []
    for node in draft.routes {
      var draft = RouteDraft()
      guard let places = Key<RouteDraft>.read(node, "a route", Key.route, into: &draft, &mistakes) else { continue }
      (draft.place, draft.places) = (node.place, places)
      draft.route.rateLimit?.name = draft.route.name
      drafts.append(draft)
    }
    Self.checkNames(drafts, rules, &mistakes)
    Self.checkAccess(drafts, rules, &mistakes)
    // What is only half understood would contradict for reasons that nobody wrote down.
    try mistakes.end(name)
    instances = Self.assignServices(&drafts)
    Self.checkTogether(drafts, rules, &mistakes)
    try mistakes.end(name)
    routes = drafts.map(\.route)
  }

  private static let nodes = Reader<[FileNode]> { node, mistakes in
    guard case .list(let nodes) = node.content, (1...greatestCount).contains(nodes.count) else {
      mistakes.add(node.place, node.kind, expected: "a list of 1 to \(greatestCount) routes")
      return nil
    }
    return nodes
  }

  private static func checkNames(_ drafts: [RouteDraft], _ rules: Rules, _ mistakes: inout Mistakes) {
    var lines: [String: Int] = [:]
    let others = Set(rules.others.map(\.name))
    for draft in drafts {
      guard let place = draft.places["name"], !draft.route.name.isEmpty else { continue }
      if let line = lines[draft.route.name] {
        mistakes.add(
          place, "\(quoted(draft.route.name)) is the name of the route in line \(line), too",
          expected: "a name of its own for each route")
      } else if others.contains(draft.route.name) {
        mistakes.add(place, "\(quoted(draft.route.name)) is the gateway's own", expected: "another name")
      }
      lines[draft.route.name] = lines[draft.route.name] ?? place.line
    }
  }

  /// A protected route of which nobody could check a token would be closed for all; whoever wrote it expects more.
  private static func checkAccess(_ drafts: [RouteDraft], _ rules: Rules, _ mistakes: inout Mistakes) {
    guard !rules.checksTokens else { return }
    for draft in drafts where draft.route.access != .public {
      guard let place = draft.places["access"] else { continue }
      mistakes.add(
        place, "a protected route, and nothing to check tokens with",
        expected: "\(rules.missingVerifier), or access: public")
    }
  }

  /// Names the services after what they are, and the first route that leads there.
  private static func assignServices(_ drafts: inout [RouteDraft]) -> [String: [ServiceInstance]] {
    var names: [String: String] = [:]
    var instances: [String: [ServiceInstance]] = [:]
    for index in drafts.indices {
      let upstreams = drafts[index].upstreams.sorted { $0.identity < $1.identity }
      let identity = upstreams.map(\.identity).joined(separator: ",") + " \(drafts[index].route.health)"
      let service = names[identity] ?? "\(drafts[index].route.name)-\(digest(identity))"
      names[identity] = service
      drafts[index].route.service = service
      guard instances[service] == nil else { continue }
      instances[service] = upstreams.map {
        ServiceInstance(
          id: $0.identity, service: service, host: $0.host, port: $0.port, speaksHTTP2: $0.speaksHTTP2)
      }
    }
    return instances
  }

  private static func digest(_ text: String) -> String {
    SHA256.hash(data: Array(text.utf8)).prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Has the gateway say which routes contradict: each that does is told and left out, and the rest asked about again.
  private static func checkTogether(_ drafts: [RouteDraft], _ rules: Rules, _ mistakes: inout Mistakes) {
    var left = drafts
    for _ in 0..<20 {
      do throws(RouteError) {
        try Route.check(rules.others + left.map(\.route), beside: rules.local)
        return
      } catch {
        func draft(_ place: Int?) -> (index: Int, draft: RouteDraft)? {
          guard let index = place.map({ $0 - rules.others.count }), left.indices.contains(index) else { return nil }
          return (index, left[index])
        }
        let other = draft(error.other).map { " (in line \($0.draft.place.line))" } ?? ""
        guard let (index, fault) = draft(error.route) else {
          return mistakes.add(Place(line: 1, column: 1), error.description)
        }
        mistakes.add(
          fault.places["path"] ?? fault.place, error.description + other,
          expected: "routes between which path, host, methods or headers decide")
        left.remove(at: index)
      }
    }
  }
}

extension RouteFile {
  /// What another file has that this one has not: for people.
  public func changes(to other: RouteFile) -> (added: [String], removed: [String], changed: [String]) {
    let (before, after) = (described, other.described)
    return (
      after.keys.filter { before[$0] == nil }.sorted(), before.keys.filter { after[$0] == nil }.sorted(),
      after.filter { before[$0.key] != nil && before[$0.key] != $0.value }.keys.sorted()
    )
  }

  private var described: [String: String] {
    Dictionary(routes.map { ($0.name, "\($0)") }) { first, _ in first }
  }
}
