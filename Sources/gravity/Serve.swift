import ArgumentParser
import GravityService

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run one service, or several, in the foreground: what a container does.",
    discussion: """
      Secrets are never made up here: set GRAVITY_MASTER_KEY. Other services are found through Consul
      where CONSUL_HTTP_ADDR is set, which also has settings; else through GRAVITY_DNS_REGISTRY, a name such as
      {service}.gravity-services.svc.cluster.local:{port}; else at the addresses of GRAVITY_STATIC_REGISTRY,
      which reads like auth=10.0.0.5:8001,10.0.0.6:8001.

      With --routes the gateway runs alone, before services that are not Gravity's: it needs no key, no database
      and nothing else of the platform.
        gravity serve gateway --routes routes.yaml --listen 0.0.0.0:8080
      """)
  @OptionGroup var options: PlatformOptions

  @Argument(help: "gateway, auth, …")
  var names: [String]

  @Option(help: ArgumentHelp("The port, when one service is named.", valueName: "port"))
  var port: Int?

  @Option(help: ArgumentHelp("Routes of a gateway alone, followed while it runs.", valueName: "file | consul:KEY"))
  var routes: String?

  @Option(help: ArgumentHelp("Where a gateway alone listens. (default: 127.0.0.1:8000)", valueName: "host:port"))
  var listen: String?

  @Option(
    help: ArgumentHelp("Keys of the OpenID provider whose tokens a gateway alone takes.", valueName: "url | file"))
  var jwks: String?

  @Option(help: ArgumentHelp("Whose tokens those are: their iss.", valueName: "iss"))
  var issuer: String?

  @Option(help: ArgumentHelp("For whom they have to be issued: one of their aud.", valueName: "aud"))
  var audience: String?

  func validate() throws {
    if routes == nil {
      for (name, value) in [("listen", listen), ("jwks", jwks), ("issuer", issuer), ("audience", audience)]
      where value != nil { throw ValidationError("--\(name) goes with --routes") }
    } else {
      guard names == ["gateway"] else { throw ValidationError("--routes goes with the gateway alone") }
      guard listen == nil || port == nil else { throw ValidationError("--port and --listen both name a port") }
      guard jwks != nil || issuer == nil && audience == nil else {
        throw ValidationError("--issuer and --audience go with --jwks")
      }
      if let listen, Self.address(listen) == nil {
        throw ValidationError("--listen takes HOST:PORT, such as 0.0.0.0:8080 or [::1]:8080")
      }
    }
    guard !names.isEmpty else { throw ValidationError("name a service: \(Catalog.names.joined(separator: ", "))") }
    for name in names where !Catalog.names.contains(name) {
      throw ValidationError("there is no service \"\(name)\"; there are \(Catalog.names.joined(separator: ", "))")
    }
    guard port == nil || names.count == 1 else { throw ValidationError("--port goes with one service") }
    guard port.map((1...65535).contains) ?? true else { throw ValidationError("--port takes 1 to 65535") }
  }

  func run() async throws {
    if let routes { return try await runAlone(routes) }
    let configuration = try PlatformConfiguration(try await options.configuration())
    try await Platform(configuration, running: names, mode: .serve(port: port)).run()
  }

  private func runAlone(_ routes: String) async throws {
    var options = options
    let address = listen.flatMap(Self.address)
    // Else what is true of the address that it listens on would be asked of another.
    options.host = address?.host ?? options.host
    let configuration = try PlatformConfiguration(try await options.configuration())
    try await GatewayAlone(
      configuration: configuration,
      options: .init(
        routes: routes, host: configuration.host,
        port: address?.port ?? port ?? configuration.port(Catalog.gatewayPort), jwks: jwks, issuer: issuer,
        audience: audience)
    ).run()
  }

  /// - Returns: nil unless it is `HOST:PORT`, with an IPv6 address in brackets.
  private static func address(_ text: String) -> (host: String, port: Int)? {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port)
    else { return nil }
    let host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { return (String(host.dropFirst().dropLast()), port) }
    return host.isEmpty || host.contains(":") ? nil : (String(host), port)
  }
}
