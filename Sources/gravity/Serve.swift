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
      """)
  @OptionGroup var options: PlatformOptions

  @Argument(help: "gateway, auth, …")
  var names: [String]

  @Option(help: ArgumentHelp("The port, when one service is named.", valueName: "port"))
  var port: Int?

  func validate() throws {
    guard !names.isEmpty else { throw ValidationError("name a service: \(Catalog.names.joined(separator: ", "))") }
    for name in names where !Catalog.names.contains(name) {
      throw ValidationError("there is no service \"\(name)\"; there are \(Catalog.names.joined(separator: ", "))")
    }
    guard port == nil || names.count == 1 else { throw ValidationError("--port goes with one service") }
    guard port.map((1...65535).contains) ?? true else { throw ValidationError("--port takes 1 to 65535") }
  }

  func run() async throws {
    let configuration = try PlatformConfiguration(try await options.configuration())
    try await Platform(configuration, running: names, mode: .serve(port: port)).run()
  }
}
