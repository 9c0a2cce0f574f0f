public import AsyncHTTPClient
import Foundation
public import GravityTelemetry
import NIOCore
import NIOHTTP1

/// Posts spans to a receiver of OpenTelemetry's protocol over HTTP.
public struct OTLPTransport: SpanTransport {
  private let http: HTTPClient
  private let export: TraceSettings.Export

  public init(http: HTTPClient, export: TraceSettings.Export) {
    self.http = http
    self.export = export
  }

  public func post(_ body: [UInt8], timeout: Duration) async throws -> SpanReply {
    // The client's own bound ends with the answer's head; a receiver may hang in the middle of its body, too.
    try await withThrowingTaskGroup(of: SpanReply.self) { group in
      group.addTask { try await exchange(body, timeout) }
      group.addTask {
        try await Task.sleep(for: timeout)
        throw HTTPClientError.deadlineExceeded
      }
      defer { group.cancelAll() }
      guard let reply = try await group.next() else { throw CancellationError() }
      return reply
    }
  }

  private func exchange(_ body: [UInt8], _ timeout: Duration) async throws -> SpanReply {
    var request = HTTPClientRequest(url: export.endpoint.absoluteString)
    request.method = .POST
    for header in export.headers { request.headers.add(name: header.name, value: header.value) }
    request.headers.replaceOrAdd(name: "content-type", value: "application/json")
    request.headers.replaceOrAdd(name: "user-agent", value: "OTel-OTLP-Exporter-Gravity")
    request.body = .bytes(ByteBuffer(bytes: body))
    let response = try await http.execute(request, timeout: TimeAmount(timeout))
    var reply = SpanReply(
      status: Int(response.status.code), retryAfter: response.headers.first(name: "retry-after"))
    for try await var part in response.body {
      let room = SpanReply.greatestBody - reply.body.count
      if let bytes = part.readBytes(length: min(room, part.readableBytes)) { reply.body += bytes }
      guard reply.body.count < SpanReply.greatestBody else { break }
    }
    return reply
  }
}
