public import CoreMetrics
import Foundation
import Synchronization

/// Keeps metrics and writes them in the Prometheus text format 0.0.4.
///
/// Labels are OpenTelemetry's names (`http.server.request.duration`): dots become underscores, a counter ends in
/// `_total`, a timer is a histogram that ends in `_seconds`. One for each service, also where several share a process.
public final class PrometheusMetrics: MetricsFactory {
  /// Upper bounds in seconds; OpenTelemetry's advice for HTTP, up to 10 s.
  public static let durationBuckets: [Double] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
  ]
  /// Upper bounds of recorders that aggregate: sizes, depths.
  public static let sizeBuckets: [Double] = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576]
  /// Series of one name; more go into the last one, since labels must never be a client's to multiply.
  public static let greatestSeriesCount = 2_000

  struct Family {
    enum Kind: String { case counter, gauge, histogram }
    var kind: Kind
    var series: [String: any PrometheusSeries] = [:]
  }
  private let families = Mutex<[String: Family]>([:])
  private let collectors = Mutex<[@Sendable () -> Void]>([])

  public init() {}

  /// Runs before each scrape, to set gauges that are read rather than counted.
  public func onScrape(_ collect: @escaping @Sendable () -> Void) { collectors.withLock { $0.append(collect) } }

  /// The exposition: what `/metrics` answers, as `text/plain; version=0.0.4`.
  public func text() -> String {
    for collect in collectors.withLock({ $0 }) { collect() }
    var text = ""
    for (name, family) in families.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
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
    return families.withLock { families in
      var family = families[name] ?? Family(kind: kind)
      let key =
        family.series.count >= Self.greatestSeriesCount && family.series[labels] == nil ? "overflow=\"true\"" : labels
      if let known = family.series[key] as? Series { return known }
      let made = make()
      // A name that is used for two kinds of metric keeps the first; the second counts unseen.
      if family.kind == kind { family.series[key] = made }
      families[name] = family
      return made
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
  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}

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
