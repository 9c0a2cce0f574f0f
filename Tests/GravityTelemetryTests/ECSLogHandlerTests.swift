import Foundation
import GravityTelemetry
import Logging
import ServiceContextModule
import Testing

@Suite struct ECSLogHandlerTests {
  @Test("a line is one JSON object with ECS names, and text from outside cannot break out of it")
  func line() throws {
    let output = LogOutput(collecting: .json)
    let logger = Logger(label: "http") { ECSLogHandler(label: $0, service: "auth", level: .info, output: output) }
    logger.info(
      "hello \"you\"\n\u{1}", metadata: ["url.path": "/a\\b", "n": .stringConvertible(3), "list": ["x", "y"]])
    logger.debug("not shown")
    let line = try #require(output.lines.first)
    #expect(output.lines.count == 1)
    #expect(line.hasSuffix("}\n"))
    #expect(line.dropLast().contains("\n") == false)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["message"] as? String == "hello \"you\"\n\u{1}")
    #expect(object["log.level"] as? String == "info")
    #expect(object["service.name"] as? String == "auth")
    #expect(object["url.path"] as? String == "/a\\b")
    #expect(object["n"] as? Int == 3)
    #expect(object["list"] as? [String] == ["x", "y"])
  }

  @Test("the trace and the request id are added by themselves")
  func trace() throws {
    let output = LogOutput(collecting: .json)
    let logger = Logger(label: "http") { ECSLogHandler(label: $0, service: "auth", level: .info, output: output) }
    var context = ServiceContext.topLevel
    context.trace = TraceContext(traceID: (1, 2), spanID: 3, isSampled: true)
    context.requestID = "r1"
    ServiceContext.withValue(context) { logger.info("x") }
    let line = try #require(output.lines.first)
    #expect(line.contains("\"trace.id\":\"00000000000000010000000000000002\""))
    #expect(line.contains("\"http.request.id\":\"r1\""))
  }

  @Test("a line for people cannot be forged by a line break")
  func forged() throws {
    let output = LogOutput(collecting: .text)
    let logger = Logger(label: "http") { ECSLogHandler(label: $0, service: "auth", level: .info, output: output) }
    logger.info("a\nERROR forged")
    #expect(output.lines.first?.filter { $0 == "\n" }.count == 1)
  }
}
