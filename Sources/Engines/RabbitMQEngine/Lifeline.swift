import Foundation
import Synchronization

/// Gets a connection's thread out of a call into the library, by shutting the socket down under it.
///
/// It holds a descriptor of its own to the socket, since the library closes its one when it likes, and the number could
/// mean another file by then.
final class Lifeline: Watched {
  private struct State {
    var descriptor: Int32 = -1
    var deadline = UInt64.max
    var isOverdue = false
    var isCut = false
  }
  private let state = Mutex(State())

  deinit { detach() }

  func attach(_ socket: Int32) throws(AMQPFailure) {
    let descriptor = fcntl(socket, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0 else { throw AMQPFailure(.connection, String(cString: strerror(errno))) }
    detach()
    state.withLock { state in
      state.descriptor = descriptor
      state.isOverdue = false
      if state.isCut { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
  }

  /// Its thread is done with the connection.
  func detach() {
    state.withLock { state in
      if state.descriptor >= 0 {
        shutdown(state.descriptor, Int32(SHUT_RDWR))
        Foundation.close(state.descriptor)
      }
      state.descriptor = -1
      state.deadline = .max
    }
  }

  /// To be polled by the connection's own thread.
  var descriptor: Int32 { state.withLock { $0.descriptor } }

  /// From now on the thread may be inside of the library until `deadline`.
  func arm(until deadline: UInt64) { state.withLock { $0.deadline = deadline } }

  func disarm() { state.withLock { $0.deadline = .max } }

  /// Whether the last socket was shut down because its thread was stuck, so that what the library says is not why.
  var wasOverdue: Bool { state.withLock { $0.isOverdue } }

  /// Nothing is waited for any more, on this socket or one that is attached later.
  func cut() {
    state.withLock { state in
      state.isCut = true
      if state.descriptor >= 0 { shutdown(state.descriptor, Int32(SHUT_RDWR)) }
    }
  }

  func check(at now: UInt64) -> UInt64 {
    state.withLock { state in
      if state.deadline <= now {
        if state.descriptor >= 0 { shutdown(state.descriptor, Int32(SHUT_RDWR)) }
        state.deadline = .max
        state.isOverdue = true
      }
      return state.deadline
    }
  }
}
