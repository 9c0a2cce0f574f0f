import Foundation
import GravityTelemetry
import ServiceContextModule

/// The spans of events that went to the broker together: from when they were sent until they were safe there. How long
/// one waited in the outbox is seen from where its trace stood before.
///
/// One that does not get there has none; the outbox's metrics and its log tell of that.
struct PublishedSpans {
  private let tracer: Tracer
  private let start: UInt64
  private let startTick: UInt64

  init(clock: TraceClock = .system) {
    tracer = ServiceContext.current?.tracer ?? .disabled
    (start, startTick) = tracer.isEnabled ? (clock.wall(), clock.monotonic()) : (0, 0)
  }

  func published(_ messages: [EventMessage], _ safe: Set<UUID>, clock: TraceClock = .system) {
    guard tracer.isEnabled else { return }
    let end = start &+ (clock.monotonic() &- startTick)
    for message in messages where safe.contains(message.id) {
      guard let parent = CloudEvent.trace(of: message.body), parent.isSampled else { continue }
      var attributes = SpanAttributes(capacity: 5)
      attributes.append("messaging.system", "gravity")
      attributes.append("messaging.operation.type", "send")
      attributes.append("messaging.operation.name", "publish")
      attributes.append("messaging.destination.name", .string(message.type))
      attributes.append("messaging.message.id", .string(message.id.uuidString.lowercased()))
      tracer.record(
        SpanRecord(
          context: parent.child(), parentID: parent.spanID, isParentRemote: true, name: "publish \(message.type)",
          kind: .producer, start: start, end: end, attributes: attributes, isError: false, resource: tracer.resource))
    }
  }
}

extension CloudEvent {
  private static let traceMember = Array(#","traceparent":""#.utf8)
  private static let dataMember = Array(#","data":"#.utf8)

  /// The trace of an event that was written here, without reading all of it.
  ///
  /// No text before the member can look like it, since quotes are escaped in a text; and it stands before the data, in
  /// which anything may be.
  static func trace(of json: [UInt8]) -> TraceContext? {
    var index = 0
    while index + traceMember.count + 55 <= json.count {
      if json[index] == UInt8(ascii: ",") {
        let rest = json[index...]
        if rest.starts(with: dataMember) { return nil }
        if rest.starts(with: traceMember) {
          let begin = index + traceMember.count
          return TraceContext(traceparent: String(decoding: json[begin..<begin + 55], as: UTF8.self))
        }
      }
      index += 1
    }
    return nil
  }
}
