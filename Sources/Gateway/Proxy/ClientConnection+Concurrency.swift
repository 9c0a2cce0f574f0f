import CoreMetrics
import Logging

/// A request's place among those that its service answers at a time.
extension ClientConnection {
  /// - Returns: false where the service has more to do than it can.
  @inline(__always)
  func takePlace(_ route: PreparedRoute) -> Bool {
    guard let service = exchange.service else { return true }
    guard service.concurrency.enter(isUrgent: route.route.isUrgent) else {
      noteShedding(service, route)
      return false
    }
    exchange.hasPlace = true
    return true
  }

  /// The request has arrived whole after a while. It is not refused for what came in between: its body is at the service.
  func takePlaceAnyway() {
    guard !exchange.hasPlace, let service = exchange.service else { return }
    service.concurrency.enterAnyway()
    exchange.hasPlace = true
  }

  /// - Parameter latency: Nanoseconds until the answer began, or the request was given up; nil where that says nothing
  ///   about the service.
  @inline(__always)
  func givePlaceBack(latency: Int64?) {
    guard exchange.hasPlace, let service = exchange.service else { return }
    exchange.hasPlace = false
    service.concurrency.leave(latency: latency, now: worker.coarseNow)
    if service.sheds, service.concurrency.isAtMost { noteEnd(service) }
  }

  private func noteShedding(_ service: LoopUpstream, _ route: PreparedRoute) {
    let refusals = service.refusals ?? worker.state.metrics.overloaded(service: route.route.service)
    service.refusals = refusals
    refusals.increment()
    guard !service.sheds else { return }
    service.sheds = true
    worker.state.logger.warning(
      "a service answers too slowly, and is asked for less",
      metadata: [
        "gravity.service": "\(route.route.service)", "gravity.concurrency.limit": "\(service.concurrency.limit)",
        "gravity.concurrency.usual_ms": "\(Int(service.concurrency.usual / 1e6))",
      ])
  }

  private func noteEnd(_ service: LoopUpstream) {
    service.sheds = false
    worker.state.logger.notice(
      "a service is asked for all there is again",
      metadata: ["gravity.service": "\(exchange.route?.route.service ?? "")"])
  }
}
