import Foundation
public import Logging
import ServiceContextModule

/// Writes one JSON object a line in the Elastic Common Schema (8.x), or a line for people.
///
/// Metadata keys are ECS names with their dots (`http.request.method`); trace and request id are added by themselves.
public struct ECSLogHandler: LogHandler {
  /// Set by somebody for this logger alone.
  private var ownLevel: Logger.Level?
  private let threshold: LogThreshold
  public var logLevel: Logger.Level {
    get { ownLevel ?? threshold.level }
    set { ownLevel = newValue }
  }
  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let service: String
  private let output: LogOutput

  /// - Parameters:
  ///   - label: The logger's name (`log.logger`).
  ///   - service: The service that speaks (`service.name`).
  ///   - threshold: Counts until somebody sets the logger's own level.
  public init(label: String, service: String, threshold: LogThreshold, output: LogOutput) {
    self.label = label
    self.service = service
    self.output = output
    self.threshold = threshold
  }

  public init(label: String, service: String, level: Logger.Level, output: LogOutput) {
    self.init(label: label, service: service, threshold: LogThreshold(level), output: output)
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var fields = metadata
    if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
    if let context = ServiceContext.current {
      if let trace = context.trace {
        fields["trace.id"] = .string(trace.traceIDText)
        fields["span.id"] = .string(trace.spanIDText)
      }
      if let id = context.requestID { fields["http.request.id"] = .string(id) }
    }
    if let explicit = event.metadata { fields.merge(explicit) { _, new in new } }
    if let error = event.error {
      fields["error.message"] = .string("\(error)")
      fields["error.type"] = .string("\(type(of: error))")
    }
    output.write(line(event.level, event.message, fields))
  }

  /// With its line break.
  func line(_ level: Logger.Level, _ message: Logger.Message, _ fields: Logger.Metadata) -> String {
    output.format == .json ? json(level, message, fields) : text(level, message, fields)
  }

  private func json(_ level: Logger.Level, _ message: Logger.Message, _ fields: Logger.Metadata) -> String {
    var line = "{\"@timestamp\":\"\(LogTime.now())\",\"log.level\":\"\(level.rawValue)\",\"message\":"
    JSONText.append("\(message)", to: &line)
    line += ",\"ecs.version\":\"8.11\",\"service.name\":"
    JSONText.append(service, to: &line)
    line += ",\"log.logger\":"
    JSONText.append(label, to: &line)
    for (key, value) in fields {
      line += ","
      JSONText.append(key, to: &line)
      line += ":"
      append(value, to: &line, depth: 0)
    }
    line += "}\n"
    return line
  }

  private func append(_ value: Logger.MetadataValue, to line: inout String, depth: Int) {
    switch value {
    case .string(let string): JSONText.append(string, to: &line)
    case .stringConvertible(let value):
      switch value {
      case let integer as any FixedWidthInteger: line += "\(integer)"
      case let double as Double where double.isFinite: line += "\(double)"
      case let flag as Bool: line += flag ? "true" : "false"
      default: JSONText.append("\(value)", to: &line)
      }
    case .array(let values) where depth < 4:
      line += "["
      for (index, value) in values.enumerated() {
        if index > 0 { line += "," }
        append(value, to: &line, depth: depth + 1)
      }
      line += "]"
    case .dictionary(let values) where depth < 4:
      line += "{"
      for (index, (key, value)) in values.enumerated() {
        if index > 0 { line += "," }
        JSONText.append(key, to: &line)
        line += ":"
        append(value, to: &line, depth: depth + 1)
      }
      line += "}"
    default: JSONText.append("\(value)", to: &line)
    }
  }

  private func text(_ level: Logger.Level, _ message: Logger.Message, _ fields: Logger.Metadata) -> String {
    let time = LogTime.now().dropFirst(11).prefix(12)
    let name = "\(level)".uppercased().padding(toLength: 8, withPad: " ", startingAt: 0)
    let rest = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    // A line break in a value would let a client forge a line.
    return "\(time) \(name) \(service): \(message)\(rest)".replacingOccurrences(of: "\n", with: "\\n") + "\n"
  }
}

/// Text as JSON writes it (RFC 8259 §7).
enum JSONText {
  static func append(_ text: String, to line: inout String) {
    line += "\""
    // Nearly every string needs no escape, and then it is copied at once.
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) {
      line += text
    } else {
      for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": line += "\\\""
        case "\\": line += "\\\\"
        case "\n": line += "\\n"
        case "\r": line += "\\r"
        case "\t": line += "\\t"
        case _ where scalar.value < 0x20:
          line += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        default: line.unicodeScalars.append(scalar)
        }
      }
    }
    line += "\""
  }
}
