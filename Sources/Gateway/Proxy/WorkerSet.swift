import NIOCore

/// A worker for each event loop.
struct WorkerSet: Sendable {
  private let workers: [ObjectIdentifier: NIOLoopBound<Worker>]
  private let loops: [any EventLoop]

  init(state: GatewayState, routes: RouteSet, group: any EventLoopGroup) async throws {
    let loops = Array(group.makeIterator())
    var workers: [ObjectIdentifier: NIOLoopBound<Worker>] = [:]
    for (number, loop) in loops.enumerated() {
      workers[ObjectIdentifier(loop)] = try await loop.submit {
        let worker = Worker(loop: loop, number: number, state: state, routes: routes, loops: loops.count)
        worker.start()
        return NIOLoopBound(worker, eventLoop: loop)
      }.get()
    }
    self.workers = workers
    self.loops = loops
  }

  /// - Precondition: Called on `loop`, which is one of the group's.
  func worker(on loop: any EventLoop) -> Worker { workers[ObjectIdentifier(loop)]!.value }

  /// Gives every loop other routes, and returns when all have them.
  func take(_ set: RouteSet) async { await onEach { $0.take(set) } }

  /// Has every loop take what the directory has of a service, and returns when all have it.
  func refresh(_ service: String) async { await onEach { $0.refresh(service) } }

  /// All at once, and each when it has its hands free.
  private func onEach(_ body: @escaping @Sendable (Worker) -> Void) async {
    let waits = loops.map { loop in loop.submit { body(worker(on: loop)) } }
    for wait in waits { try? await wait.get() }
  }

  /// Tells every loop how many gateways there are by zone.
  func update(gateways: [String: Int]) async { await onEach { $0.update(gateways: gateways) } }

  /// What `body` says of each loop.
  func gather<Result: Sendable>(_ body: @escaping @Sendable (Worker) -> Result) async -> [Result] {
    let waits = loops.map { loop in loop.submit { body(worker(on: loop)) } }
    var results: [Result] = []
    for wait in waits { if let result = try? await wait.get() { results.append(result) } }
    return results
  }

  /// Has every loop ask clients to come back elsewhere.
  func leave() {
    for loop in loops { loop.execute { worker(on: loop).leave() } }
  }

  /// Waits until no client is connected any more; closes those that are after `timeout`.
  func drain(timeout: Duration) async {
    let amount = TimeAmount.nanoseconds(timeout.nanoseconds)
    var waits: [EventLoopFuture<Void>] = []
    for loop in loops {
      waits.append(
        loop.flatSubmit {
          let worker = worker(on: loop)
          let bound = NIOLoopBound(worker, eventLoop: loop)
          let last = loop.scheduleTask(in: amount) { bound.value.closeAll() }
          return worker.drain().always { _ in last.cancel() }
        })
    }
    for wait in waits { try? await wait.get() }
    for loop in loops {
      try? await loop.submit {
        worker(on: loop).closeAll()
        worker(on: loop).stop()
      }.get()
    }
  }
}
