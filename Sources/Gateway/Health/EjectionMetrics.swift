import CoreMetrics
import GravityDiscovery

/// Handles by service and instance, made when they are first wanted, and destroyed when the service or the instance is
/// gone.
struct EjectionMetrics {
  /// Services may share an instance, and each has series of its own.
  private struct Place: Hashable {
    var service: String
    var instance: String
  }
  private let metrics: GatewayMetrics
  private var counters: [String: Counter] = [:]
  private var gauges: [String: Gauge] = [:]
  private var routes: [Place: Gauge] = [:]
  /// What was published since others were forgotten.
  private var services: Set<String> = []
  private var places: Set<Place> = []

  init(_ metrics: GatewayMetrics) { self.metrics = metrics }

  mutating func ejected(_ service: String) {
    let counter = counters[service] ?? metrics.ejections(service: service)
    counters[service] = counter
    counter.increment()
  }

  mutating func publish(_ count: Int, _ set: [UpstreamInstance], service: String) {
    services.insert(service)
    let gauge = gauges[service] ?? metrics.ejected(service: service)
    gauges[service] = gauge
    gauge.record(count)
    for instance in set {
      let place = Place(service: service, instance: instance.instance.id)
      places.insert(place)
      let gauge = routes[place] ?? metrics.openRoutes(service: service, instance: place.instance)
      routes[place] = gauge
      gauge.record(instance.routes.openCount)
    }
  }

  /// Destroys what was not published since this was called last.
  mutating func forgetOthers() {
    for (service, gauge) in gauges where !services.contains(service) {
      gauge.destroy()
      gauges[service] = nil
      counters.removeValue(forKey: service)?.destroy()
    }
    for (place, gauge) in routes where !places.contains(place) {
      gauge.destroy()
      routes[place] = nil
    }
    services.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
  }
}
