import Foundation

extension TraceSettings {
  /// A variable that is read.
  public struct Variable: Sendable, Hashable {
    /// As in the environment.
    public var name: String
    public var help: String
    public var isSecret = false
  }

  /// Everything that ``init(environment:)`` looks at.
  public static let variables: [Variable] = [
    Variable(name: "OTEL_SDK_DISABLED", help: "true: no traces"),
    Variable(name: "OTEL_TRACES_EXPORTER", help: "otlp, or none: no traces"),
    Variable(
      name: "OTEL_TRACES_SAMPLER",
      help: "which traces are kept: always_on, always_off, traceidratio, or these after parentbased_"),
    Variable(name: "OTEL_TRACES_SAMPLER_ARG", help: "the share that traceidratio keeps, 0 to 1"),
    Variable(
      name: "OTEL_EXPORTER_OTLP_ENDPOINT", help: "where traces are sent to, /v1/traces is added: http://HOST:4318"),
    Variable(name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", help: "the same, the whole address; goes before"),
    Variable(name: "OTEL_EXPORTER_OTLP_HEADERS", help: "sent along: NAME=VALUE,NAME=VALUE", isSecret: true),
    Variable(name: "OTEL_EXPORTER_OTLP_TRACES_HEADERS", help: "the same; goes before", isSecret: true),
    Variable(name: "OTEL_EXPORTER_OTLP_TIMEOUT", help: "for one request, in milliseconds"),
    Variable(name: "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", help: "the same; goes before"),
    Variable(name: "OTEL_EXPORTER_OTLP_PROTOCOL", help: "http/json, the only one there is"),
    Variable(name: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", help: "the same; goes before"),
    Variable(name: "OTEL_EXPORTER_OTLP_COMPRESSION", help: "nothing is compressed, whatever this says"),
    Variable(name: "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", help: "the same"),
    Variable(
      name: "OTEL_SERVICE_NAME", help: "the service's name in traces; put before it where several share a process"),
    Variable(name: "OTEL_RESOURCE_ATTRIBUTES", help: "said of every service: NAME=VALUE,NAME=VALUE"),
    Variable(name: "OTEL_BSP_SCHEDULE_DELAY", help: "between two exports, in milliseconds"),
    Variable(name: "OTEL_BSP_MAX_QUEUE_SIZE", help: "how many spans may wait for export"),
    Variable(name: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", help: "how many spans are sent at a time"),
  ]

  /// Reads the variables; an empty one counts as not set.
  ///
  /// The specification would have what is malformed ignored with a warning. Here a setting that cannot be used ends the
  /// start, these as all others.
  ///
  /// - Throws: ``TraceSettingsError`` that names every variable that cannot be used.
  public init(environment: [String: String]) throws(TraceSettingsError) {
    self.init()
    var reader = TraceVariables(environment)
    let isDisabled = reader.flag("OTEL_SDK_DISABLED")
    let exporter = reader.choice("OTEL_TRACES_EXPORTER", ["otlp", "none"])
    isEnabled = !isDisabled && exporter != "none"
    if isEnabled {
      sampler = reader.sampler()
      export = reader.export(isAskedFor: exporter == "otlp")
      resourceAttributes = Dictionary(
        reader.pairs("OTEL_RESOURCE_ATTRIBUTES").map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      serviceName = reader["OTEL_SERVICE_NAME"] ?? resourceAttributes["service.name"]
      resourceAttributes["service.name"] = nil
      scheduleDelay = .milliseconds(reader.integer("OTEL_BSP_SCHEDULE_DELAY", in: 1...3_600_000) ?? 5_000)
      queueSize = reader.integer("OTEL_BSP_MAX_QUEUE_SIZE", in: 1...1_000_000) ?? queueSize
      batchSize = reader.integer("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", in: 1...10_000) ?? min(batchSize, queueSize)
      if batchSize > queueSize {
        reader.fault("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "a batch of \(batchSize) is more than may wait (\(queueSize))")
      }
      ignored = reader.ignored
    }
    guard reader.faults.isEmpty else { throw TraceSettingsError(faults: reader.faults) }
  }
}

/// Reads variables and collects what is wrong with them.
private struct TraceVariables {
  private let environment: [String: String]
  private(set) var faults: [String] = []
  private(set) var ignored: [String] = []

  init(_ environment: [String: String]) { self.environment = environment }

  subscript(name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

  mutating func fault(_ name: String, _ what: String) { faults.append("\(name): \(what)") }

  /// The first of these that is set: what is for traces goes before what is for all.
  private func first(_ names: [String]) -> (name: String, text: String)? {
    for name in names { if let text = self[name] { return (name, text) } }
    return nil
  }

  private static func names(_ ending: String) -> [String] {
    ["OTEL_EXPORTER_OTLP_TRACES_\(ending)", "OTEL_EXPORTER_OTLP_\(ending)"]
  }

  mutating func flag(_ name: String) -> Bool {
    guard let text = self[name]?.lowercased() else { return false }
    if text != "true", text != "false" { fault(name, "\"\(text)\" is not true or false") }
    return text == "true"
  }

  mutating func choice(_ name: String, _ choices: [String]) -> String? {
    guard let text = self[name] else { return nil }
    guard choices.contains(text) else {
      fault(name, "\"\(text)\" is not \(choices.joined(separator: " or "))")
      return nil
    }
    return text
  }

  mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
    guard let text = self[name] else { return nil }
    guard let value = Int(text), range.contains(value) else {
      fault(name, "\"\(text)\" is not a whole number from \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return value
  }

  mutating func sampler() -> Sampler {
    let name = "OTEL_TRACES_SAMPLER"
    let text = self[name] ?? "parentbased_always_on"
    let isParentBased = text.hasPrefix("parentbased_")
    let root: Sampler
    switch isParentBased ? String(text.dropFirst("parentbased_".count)) : text {
    case "always_on": root = .alwaysOn
    case "always_off": root = .alwaysOff
    case "traceidratio": root = .ratio(ratio())
    default:
      fault(
        name,
        "\"\(text)\" is not always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or "
          + "parentbased_traceidratio")
      return .alwaysOn
    }
    return isParentBased ? .parentBased(root) : root
  }

  private mutating func ratio() -> Double {
    let name = "OTEL_TRACES_SAMPLER_ARG"
    guard let text = self[name] else { return 1 }
    guard let ratio = Double(text), (0...1).contains(ratio) else {
      fault(name, "\"\(text)\" is not a number from 0 to 1")
      return 1
    }
    return ratio
  }

  /// - Parameter isAskedFor: Whether an exporter was named, so that one without an endpoint has the standard one.
  mutating func export(isAskedFor: Bool) -> TraceSettings.Export? {
    if let (name, text) = first(Self.names("PROTOCOL")), text != "http/json" {
      fault(name, "\"\(text)\" is not http/json, the only protocol that is spoken here")
    }
    if let (name, text) = first(Self.names("COMPRESSION")), text != "none" { ignored.append(name) }
    let headers = first(Self.names("HEADERS")).map { pairs($0.name, isHeader: true) } ?? []
    let timeout = first(Self.names("TIMEOUT")).flatMap { integer($0.name, in: 0...86_400_000) } ?? 10_000
    guard let endpoint = endpoint(isAskedFor: isAskedFor) else { return nil }
    var export = TraceSettings.Export(endpoint: endpoint)
    export.headers = headers
    // 0 is without end, for which a day may stand.
    export.timeout = .milliseconds(timeout == 0 ? 86_400_000 : timeout)
    return export
  }

  private mutating func endpoint(isAskedFor: Bool) -> URL? {
    let names = Self.names("ENDPOINT")
    guard let (name, text) = first(names) else {
      return isAskedFor ? URL(string: "http://localhost:4318/v1/traces") : nil
    }
    // The value is not told: whoever put a password there would find it in the log.
    guard var parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased() ?? ""),
      let host = parts.host, !host.isEmpty, (parts.port ?? 1) > 0, (parts.port ?? 1) < 65_536
    else {
      fault(name, "is not an address such as http://HOST:4318")
      return nil
    }
    guard parts.user == nil, parts.password == nil, parts.fragment == nil else {
      fault(name, "takes no user, password or fragment; credentials go into OTEL_EXPORTER_OTLP_HEADERS")
      return nil
    }
    if name == names[1] {
      while parts.path.hasSuffix("/") { parts.path.removeLast() }
      parts.path += "/v1/traces"
    } else if parts.path.isEmpty {
      parts.path = "/"
    }
    return parts.url
  }

  /// `NAME=VALUE,NAME=VALUE`, values percent-encoded, as W3C Baggage has it without its properties.
  mutating func pairs(_ name: String, isHeader: Bool = false) -> [TraceSettings.Header] {
    guard let text = self[name] else { return [] }
    var pairs: [TraceSettings.Header] = []
    for (index, member) in text.split(separator: ",").enumerated() {
      let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      // A header's name may be written encoded, too.
      guard parts.count == 2, let key = parts[0].removingPercentEncoding, let value = parts[1].removingPercentEncoding,
        !key.isEmpty, !isHeader || Self.isHeader(key, value), value.utf8.count <= 4_096
      else {
        fault(name, "entry \(index + 1) is not NAME=VALUE with the value percent-encoded")
        continue
      }
      pairs.append(.init(name: isHeader ? key.lowercased() : key, value: value))
    }
    return pairs
  }

  /// A token and a value (RFC 9110 §5.5, §5.6.2) of printable ASCII.
  private static func isHeader(_ name: String, _ value: String) -> Bool {
    name.utf8.allSatisfy {
      (48...57).contains($0) || (65...90).contains($0) || (94...122).contains($0) || $0 == 124 || $0 == 126
        || "!#$%&'*+-.".utf8.contains($0)
    } && value.utf8.allSatisfy { (32...126).contains($0) }
  }
}
