import GravityDiscovery
import Synchronization

/// What came last, for the message of a case that fails.
final class LastSet: Sendable {
  private let last = Mutex<[ServiceInstance]?>(nil)
  func set(_ set: [ServiceInstance]) { last.withLock { $0 = set } }
  var text: String { last.withLock { $0.map { "\($0.map(\.id))" } ?? "nothing" } }
}
