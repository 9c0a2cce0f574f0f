import Foundation
import GravityTelemetry
import Testing

@Suite struct TraceSettingsTests {
  @Test("without a variable all is as the specification has it, and nothing is exported")
  func standard() throws {
    let settings = try TraceSettings(environment: [:])
    #expect(settings == TraceSettings())
    #expect(settings.isEnabled && settings.export == nil && settings.sampler == .parentBased(.alwaysOn))
    #expect((settings.scheduleDelay, settings.queueSize, settings.batchSize) == (.seconds(5), 2_048, 512))
    #expect(try TraceSettings(environment: ["OTEL_TRACES_SAMPLER": "", "OTEL_BSP_SCHEDULE_DELAY": ""]) == settings)
  }

  @Test(
    "the endpoint for all signals gets a path, the one for traces is taken as it is and goes before",
    arguments: [
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318"], "http://a:4318/v1/traces"),
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318/"], "http://a:4318/v1/traces"),
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "https://a/otlp//"], "https://a/otlp/v1/traces"),
      (["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b/x"], "http://b/x"),
      (["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b"], "http://b/"),
      (
        ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b/x", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"],
        "http://b/x"
      ),
      (["OTEL_TRACES_EXPORTER": "otlp"], "http://localhost:4318/v1/traces"),
    ])
  func endpoint(environment: [String: String], expected: String) throws {
    #expect(try TraceSettings(environment: environment).export?.endpoint.absoluteString == expected)
  }

  @Test("every variable is read")
  func all() throws {
    let settings = try TraceSettings(environment: [
      "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25",
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
      "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
      "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic%20eA%3D%3D, x-tenant = a=b ",
      "OTEL_EXPORTER_OTLP_TIMEOUT": "2500", "OTEL_SERVICE_NAME": "shop",
      "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,deployment.environment.name=t%C3%A4st,service.namespace=n",
      "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_MAX_QUEUE_SIZE": "40", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10",
    ])
    #expect(settings.sampler == .parentBased(.ratio(0.25)))
    #expect(settings.export?.timeout == .milliseconds(2_500))
    #expect(settings.export?.headers.map(\.name) == ["authorization", "x-tenant"])
    #expect(settings.export?.headers.map(\.value) == ["Basic eA==", "a=b"])
    #expect(settings.serviceName == "shop" && settings.ignored == ["OTEL_EXPORTER_OTLP_COMPRESSION"])
    #expect(settings.resourceAttributes == ["deployment.environment.name": "täst", "service.namespace": "n"])
    #expect((settings.scheduleDelay, settings.queueSize, settings.batchSize) == (.milliseconds(100), 40, 10))
  }

  @Test("a small queue makes batches small, too")
  func smallQueue() throws {
    let settings = try TraceSettings(environment: ["OTEL_BSP_MAX_QUEUE_SIZE": "40"])
    #expect((settings.queueSize, settings.batchSize) == (40, 40))
  }

  @Test(
    "traces can be switched off, and then nobody asks what the rest says",
    arguments: [["OTEL_SDK_DISABLED": "TRUE"], ["OTEL_TRACES_EXPORTER": "none"]])
  func off(environment: [String: String]) throws {
    let settings = try TraceSettings(
      environment: environment.merging(["OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"]) { $1 })
    #expect(!settings.isEnabled && settings.export == nil)
    let tracer = TracingSystem(settings, version: "1", isShared: false).tracer(for: "auth")
    #expect(!tracer.isEnabled)
  }

  @Test(
    "a value that cannot be used is told with its variable and what was expected",
    arguments: [
      ("OTEL_SDK_DISABLED", "1", "true or false"),
      ("OTEL_TRACES_EXPORTER", "zipkin", "otlp or none"),
      ("OTEL_TRACES_SAMPLER", "sometimes", "parentbased_always_on"),
      ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/json"),
      ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf", "http/json"),
      ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "http://HOST:4318"),
      ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://", "http://HOST:4318"),
      ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://a", "http://HOST:4318"),
      ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:geheim@a", "credentials go into"),
      ("OTEL_EXPORTER_OTLP_HEADERS", "geheim", "entry 1 is not NAME=VALUE"),
      ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,c=geheim%0d%0ax:y", "entry 2 is not NAME=VALUE"),
      ("OTEL_EXPORTER_OTLP_HEADERS", "a b=geheim", "entry 1 is not NAME=VALUE"),
      ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "whole number"),
      ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1", "whole number"),
      ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz", "entry 1 is not NAME=VALUE"),
      ("OTEL_BSP_SCHEDULE_DELAY", "0.5", "whole number"),
      ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "whole number"),
      ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5000", "more than may wait (2048)"),
    ])
  func malformed(name: String, value: String, expected: String) throws {
    let error = try #require(throws: TraceSettingsError.self) { try TraceSettings(environment: [name: value]) }
    #expect(error.description.hasPrefix("\(name): ") && error.description.contains(expected), "\(error)")
    #expect(!error.description.contains("geheim"))
  }

  @Test("a share that is none is told, and all faults are told at once")
  func several() throws {
    let error = try #require(throws: TraceSettingsError.self) {
      try TraceSettings(environment: [
        "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "50%", "OTEL_BSP_MAX_QUEUE_SIZE": "many",
      ])
    }
    #expect(error.faults.count == 2)
  }

  @Test("OTEL_SERVICE_NAME is the name of a service alone, and stands before those of several")
  func names() throws {
    func name(_ environment: [String: String], isShared: Bool) throws -> String {
      let settings = try TraceSettings(environment: environment)
      return TracingSystem(settings, version: "1", isShared: isShared).tracer(for: "auth").resource.service
    }
    #expect(try name([:], isShared: true) == "auth")
    #expect(try name(["OTEL_SERVICE_NAME": "shop"], isShared: false) == "shop")
    #expect(try name(["OTEL_SERVICE_NAME": "shop"], isShared: true) == "shop-auth")
    #expect(try name(["OTEL_RESOURCE_ATTRIBUTES": "service.name=shop"], isShared: true) == "shop-auth")
  }

  @Test("every variable that is read is listed once")
  func listed() {
    let names = TraceSettings.variables.map(\.name)
    #expect(Set(names).count == names.count && names.allSatisfy { $0.hasPrefix("OTEL_") })
    #expect(TraceSettings.variables.filter(\.isSecret).map(\.name).allSatisfy { $0.hasSuffix("HEADERS") })
  }
}
