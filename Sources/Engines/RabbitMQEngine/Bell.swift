import Foundation
import Synchronization

/// A pipe that a thread polls beside its connection, so that others can wake it.
final class Bell: Sendable {
  private let reading: Int32
  private let writing: Int32
  /// Whether a byte is in the pipe, so that many rings cost one write.
  private let isRung = Atomic(false)

  init() {
    var ends: [Int32] = [-1, -1]
    _ = pipe(&ends)
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    Foundation.close(reading)
    Foundation.close(writing)
  }

  func ring() {
    guard !isRung.exchange(true, ordering: .acquiringAndReleasing) else { return }
    var byte: UInt8 = 1
    _ = write(writing, &byte, 1)
  }

  struct Ready {
    var canRead = false
    var canWrite = false
  }

  /// Waits for the bell or the socket. Whoever rang before is heard now; what they left has to be looked at after.
  func wait(_ socket: Int32 = -1, untilWritable: Bool = false, timeout: UInt64) -> Ready {
    let events = Int16(POLLIN) | (untilWritable ? Int16(POLLOUT) : 0)
    var polled = [
      pollfd(fd: reading, events: Int16(POLLIN), revents: 0), pollfd(fd: socket, events: events, revents: 0),
    ]
    // Rounded up, else the last millisecond would be spent in a tight loop.
    let milliseconds = Int32(clamping: timeout / 1_000_000 + (timeout % 1_000_000 == 0 ? 0 : 1))
    let count = poll(&polled, 2, milliseconds)
    guard count > 0 else { return Ready() }
    if polled[0].revents != 0 {
      var byte: UInt8 = 0
      while read(reading, &byte, 1) > 0 {}
      isRung.store(false, ordering: .releasing)
    }
    let socketEvents = Int32(polled[1].revents)
    return Ready(
      canRead: socketEvents & ~Int32(POLLOUT) != 0, canWrite: socketEvents & Int32(POLLOUT) != 0)
  }
  /// Waits that long, whatever rings, unless it is over.
  func sleep(_ pause: UInt64, unless isOver: () -> Bool) {
    let end = Uptime.now + pause
    while !isOver() {
      let now = Uptime.now
      guard now < end else { return }
      _ = wait(timeout: end - now)
    }
  }
}
