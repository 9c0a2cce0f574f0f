import NIOCore

/// A worker for each event loop.
struct WorkerSet: Sendable {
  private let workers: [ObjectIdentifier: NIOLoopBound<Worker>]
  private let loops: [any EventLoop]

  init(state: GatewayState, group: any EventLoopGroup) async throws {
    let loops = Array(group.makeIterator())
    var workers: [ObjectIdentifier: NIOLoopBound<Worker>] = [:]
    for loop in loops {
      workers[ObjectIdentifier(loop)] = try await loop.submit {
        let worker = Worker(loop: loop, state: state, loops: loops.count)
        worker.start()
        return NIOLoopBound(worker, eventLoop: loop)
      }.get()
    }
    self.workers = workers
    self.loops = loops
  }

  /// - Precondition: Called on `loop`, which is one of the group's.
  func worker(on loop: any EventLoop) -> Worker { workers[ObjectIdentifier(loop)]!.value }

  /// Gives every loop the instances of a service, and returns when all have them.
  func update(service: Int, _ instances: [UpstreamInstance]) async {
    for loop in loops {
      try? await loop.submit { worker(on: loop).update(service: service, instances) }.get()
    }
  }

  /// Tells every loop how many gateways there are by zone.
  func update(gateways: [String: Int]) async {
    for loop in loops {
      try? await loop.submit { worker(on: loop).update(gateways: gateways) }.get()
    }
  }

  /// Gives every loop routes that differ in their limits alone, and returns when all have them.
  func update(routes: [PreparedRoute]) async {
    for loop in loops {
      try? await loop.submit { worker(on: loop).update(routes: routes) }.get()
    }
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
