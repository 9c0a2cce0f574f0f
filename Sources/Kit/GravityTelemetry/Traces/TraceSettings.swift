public import Foundation

/// What OpenTelemetry's environment variables say about traces.
public struct TraceSettings: Sendable, Hashable {
  /// Where spans are sent; nil is nowhere.
  public struct Export: Sendable, Hashable {
    /// Whole, with its path.
    public var endpoint: URL
    /// Sent with each request; may be secret.
    public var headers: [Header] = []
    /// For one request, until its answer is there.
    public var timeout: Duration = .seconds(10)

    public init(endpoint: URL) { self.endpoint = endpoint }
  }
  public struct Header: Sendable, Hashable {
    public var name: String
    public var value: String
  }

  /// Whether spans are made at all.
  public var isEnabled = true
  public var sampler = Sampler.parentBased(.alwaysOn)
  public var export: Export?
  /// What stands for the services' own names, see ``TracingSystem``.
  public var serviceName: String?
  /// Said of every service of the process.
  public var resourceAttributes: [String: String] = [:]
  /// Between two exports, unless a batch is full earlier.
  public var scheduleDelay: Duration = .seconds(5)
  /// How many spans may wait for export; also how many a console can look back.
  public var queueSize = 2_048
  /// How many are sent at a time.
  public var batchSize = 512
  /// Variables that are set and mean nothing here: worth a warning.
  public var ignored: [String] = []

  public init() {}
}

/// Variables that cannot be used, all of them: what was expected, never a value that may be secret.
public struct TraceSettingsError: Error, Sendable, Hashable, CustomStringConvertible {
  public let faults: [String]
  public var description: String { faults.joined(separator: "; ") }
}
