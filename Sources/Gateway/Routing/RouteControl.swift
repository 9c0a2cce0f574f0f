import Synchronization

/// The routes that are in force, and changes that are on their way to the event loops. One change is taken at a time;
/// of several that wait the last one is taken, which was made knowing the others.
final class RouteControl: Sendable {
  /// What routes are made of.
  struct Plan: Sendable {
    /// As they were given.
    var routes: [Route]
    /// How many requests limits let through that are not as their routes or the configuration say, by name.
    var requests: [String: Int] = [:]
  }

  struct Change: Sendable {
    let set: RouteSet
    let done: CheckedContinuation<RouteError?, Never>
  }

  private enum Standing { case idle, serving, ended }
  private struct State {
    var plan: Plan
    var current: RouteSet
    var standing = Standing.idle
    var waiting: [Change] = []
  }
  private let state: Mutex<State>
  private let make: @Sendable (Plan, RouteSet?) throws(RouteError) -> RouteSet
  /// An element where something waits.
  let wakes: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation

  /// - Parameter make: Makes a set that takes the place of another.
  /// - Throws: ``RouteError``.
  init(
    _ routes: [Route], make: @escaping @Sendable (Plan, RouteSet?) throws(RouteError) -> RouteSet
  ) throws(RouteError) {
    let plan = Plan(routes: routes)
    state = Mutex(State(plan: plan, current: try make(plan, nil)))
    self.make = make
    (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// The set that was made last.
  var current: RouteSet { state.withLock(\.current) }

  /// Changes the plan, and returns when every event loop goes by it.
  ///
  /// - Throws: ``RouteError``; then everything stays as it was.
  func change(_ edit: @Sendable (inout Plan) -> Void) async throws(RouteError) {
    let error = await withCheckedContinuation { done in
      let outcome: RouteError?? = state.withLock { state in
        var plan = state.plan
        edit(&plan)
        do throws(RouteError) {
          let set = try make(plan, state.current)
          (state.plan, state.current) = (plan, set)
          guard state.standing == .serving else { return .some(nil) }
          state.waiting.append(Change(set: set, done: done))
          return nil
        } catch {
          return error
        }
      }
      if let outcome { done.resume(returning: outcome) } else { wake.yield() }
    }
    if let error { throw error }
  }

  /// Has the event loops take what was made until now, and returns when they have.
  func begin() async {
    _ = await withCheckedContinuation { (done: CheckedContinuation<RouteError?, Never>) in
      let isOver = state.withLock { state in
        guard state.standing == .idle else { return true }
        state.standing = .serving
        state.waiting.append(Change(set: state.current, done: done))
        return false
      }
      if isOver { done.resume(returning: nil) } else { wake.yield() }
    }
  }

  /// What waits, in the order of its coming.
  func take() -> [Change] {
    state.withLock { state in
      defer { state.waiting = [] }
      return state.waiting
    }
  }

  /// There are no event loops any more: nobody waits for them.
  func end() {
    let waiting = state.withLock { state in
      state.standing = .ended
      defer { state.waiting = [] }
      return state.waiting
    }
    for change in waiting { change.done.resume(returning: nil) }
  }
}

extension RouteControl.Plan {
  /// The routes, with the limits that were changed.
  var limitedRoutes: [Route] {
    requests.isEmpty
      ? routes
      : routes.map { route in
        var route = route
        route.rateLimit = limited(route.rateLimit)
        return route
      }
  }

  func limited(_ configuration: GatewayConfiguration) -> GatewayConfiguration {
    var configuration = configuration
    configuration.rateLimit = limited(configuration.rateLimit)
    return configuration
  }

  private func limited(_ limit: RateLimit?) -> RateLimit? {
    guard var limit, let number = requests[limit.name] else { return limit }
    limit.requests = number
    return limit
  }
}
