public import CoreMetrics
import Foundation
import Synchronization

/// Keeps metrics and writes them in the Prometheus text format 0.0.4.
///
/// Labels are OpenTelemetry's names (`http.server.request.duration`): dots become underscores, a counter ends in
/// `_total`, a timer is a histogram that ends in `_seconds`. One for each service, also where several share a process.
///
/// Whoever counts takes no lock: only making a series, destroying one and writing them all do. A series that is
/// destroyed is not written any more, whoever else still counts in it; what is made with its labels afterwards begins
/// anew.
public final class PrometheusMetrics: MetricsFactory {
  /// Upper bounds in seconds; OpenTelemetry's advice for HTTP, up to 10 s.
  public static let durationBuckets: [Double] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
  ]
  /// Upper bounds of recorders that aggregate: sizes, depths.
  public static let sizeBuckets: [Double] = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576]
  /// Series of one name; more go into one with the label `overflow`, since labels must never be a client's to multiply.
  public static let greatestSeriesCount = 2_000
  private static let overflow = "overflow=\"true\""

  struct Family {
    enum Kind: String { case counter, gauge, histogram }
    var kind: Kind
    var series: [String: any PrometheusSeries] = [:]
    /// Whether somebody was told that there are too many.
    var hasOverflowed = false
  }
  private struct Registry {
    var families: [String: Family] = [:]
    /// Under which name and labels a series is kept.
    var places: [ObjectIdentifier: (name: String, labels: String)] = [:]
  }
  private let registry = Mutex(Registry())
  private let collectors = Mutex<[@Sendable () -> Void]>([])
  private let onOverflow: @Sendable (String) -> Void

  /// - Parameter onOverflow: Called once for each name that has more than ``greatestSeriesCount`` series, with the name
  ///   as it is exposed, by whoever makes the first that is too many: it must not wait.
  public init(onOverflow: @escaping @Sendable (String) -> Void = { _ in }) { self.onOverflow = onOverflow }

  /// Runs before each scrape, to set gauges that are read rather than counted.
  public func onScrape(_ collect: @escaping @Sendable () -> Void) { collectors.withLock { $0.append(collect) } }

  /// The exposition: what `/metrics` answers, as `text/plain; version=0.0.4`.
  public func text() -> String {
    for collect in collectors.withLock({ $0 }) { collect() }
    var text = ""
    for (name, family) in registry.withLock({ $0.families }).sorted(by: { $0.key < $1.key }) {
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        series.write(name: name, labels: labels, to: &text)
      }
    }
    return text
  }

  private func series<Series: PrometheusSeries>(
    _ name: String, _ kind: Family.Kind, _ dimensions: [(String, String)], _ make: () -> Series
  ) -> Series {
    let labels = Self.labels(dimensions)
    let (series, isFirstTooMany) = registry.withLock { registry in
      Self.find(name, kind, labels, in: &registry, make)
    }
    if isFirstTooMany { onOverflow(name) }
    return series
  }

  private static func find<Series: PrometheusSeries>(
    _ name: String, _ kind: Family.Kind, _ labels: String, in registry: inout Registry, _ make: () -> Series
  ) -> (series: Series, isFirstTooMany: Bool) {
    var (key, isFirstTooMany) = (labels, false)
    if let family = registry.families[name] {
      if let known = family.series[labels] as? Series { return (known, false) }
      // A name that is used for two kinds of metric keeps the first; the second counts unseen.
      guard family.kind == kind else { return (make(), false) }
      if family.series.count >= greatestSeriesCount {
        (key, isFirstTooMany) = (overflow, !family.hasOverflowed)
        if let known = family.series[key] as? Series { return (known, false) }
      }
    }
    let made = make()
    registry.families[name, default: Family(kind: kind)].series[key] = made
    if isFirstTooMany { registry.families[name]?.hasOverflowed = true }
    registry.places[ObjectIdentifier(made)] = (name, key)
    return (made, isFirstTooMany)
  }

  /// Writes a series no more. The one of all that are too many stays: it is many's.
  private func destroy(_ handler: AnyObject) {
    registry.withLock { registry in
      let id = ObjectIdentifier(handler)
      guard let place = registry.places[id], place.labels != Self.overflow else { return }
      registry.places[id] = nil
      registry.families[place.name]?.series[place.labels] = nil
      if registry.families[place.name]?.series.isEmpty == true { registry.families[place.name] = nil }
    }
  }

  // MARK: MetricsFactory

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(Self.name(label, "_total"), .counter, dimensions) { PrometheusCounter() }
  }
  public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler
  {
    series(Self.name(label, "_total"), .counter, dimensions) { PrometheusGauge() }
  }
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(Self.name(label), .gauge, dimensions) { PrometheusGauge() }
  }
  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    guard aggregate else { return series(Self.name(label), .gauge, dimensions) { PrometheusGauge() } }
    return series(Self.name(label), .histogram, dimensions) { PrometheusHistogram(bounds: Self.sizeBuckets) }
  }
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(Self.name(label, "_seconds"), .histogram, dimensions) {
      PrometheusHistogram(bounds: Self.durationBuckets)
    }
  }
  public func destroyCounter(_ handler: any CounterHandler) { destroy(handler) }
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { destroy(handler) }
  public func destroyMeter(_ handler: any MeterHandler) { destroy(handler) }
  public func destroyRecorder(_ handler: any RecorderHandler) { destroy(handler) }
  public func destroyTimer(_ handler: any TimerHandler) { destroy(handler) }

  // MARK: Text

  private static func name(_ label: String, _ suffix: String = "") -> String {
    var name = String(
      label.unicodeScalars.map { scalar -> Character in
        scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil) || scalar == ":"
          ? Character(scalar) : "_"
      })
    if name.first?.isNumber == true { name = "_" + name }
    return name.hasSuffix(suffix) ? name : name + suffix
  }

  private static func labels(_ dimensions: [(String, String)]) -> String {
    dimensions.map { key, value in
      let escaped = value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
        .replacingOccurrences(of: "\n", with: "\\n")
      return "\(name(key))=\"\(escaped)\""
    }.joined(separator: ",")
  }
}
