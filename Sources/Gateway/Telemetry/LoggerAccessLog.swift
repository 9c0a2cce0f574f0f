public import Logging

/// Requests as lines of a logger at info, with metadata keys of the Elastic Common Schema. For few requests: every line
/// is put together on the event loop, and it must be a logger that does not wait for what it writes to.
/// ``BlockAccessLog`` is for many.
public struct LoggerAccessLog: AccessLog {
  private let logger: Logger

  /// - Parameter logger: Nothing is recorded while its level is above info.
  public init(_ logger: Logger) { self.logger = logger }

  /// Returns when the logger does.
  public func record(_ entry: AccessEntry) {
    guard logger.logLevel <= .info else { return }
    var metadata: Logger.Metadata = [
      "http.request.method": .string(entry.method),
      "url.path": .string(entry.path),
      "http.response.status_code": .stringConvertible(entry.status),
      "event.duration": .stringConvertible(entry.duration),
      "client.address": .string(entry.clientAddress),
      "trace.id": .string(entry.traceIDText),
      "http.request.id": .string(entry.requestID),
      "http.response.body.bytes": .stringConvertible(entry.responseBodyBytes),
      "http.version": .string(entry.httpVersion),
    ]
    if let version = entry.tlsVersion { metadata["tls.version"] = .string(version) }
    if let route = entry.route { metadata["gravity.route"] = .string(route) }
    if let upstream = entry.upstream { metadata["gravity.upstream"] = .string(upstream) }
    if let refusal = entry.refusal { metadata["gravity.refusal"] = .string(refusal) }
    logger.info("request", metadata: metadata)
  }
}
