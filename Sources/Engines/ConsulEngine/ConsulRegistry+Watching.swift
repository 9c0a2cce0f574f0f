import GravityData
import GravityDiscovery
import Logging
import NIOCore

extension ConsulRegistry {
  /// Follows one service until the task is cancelled, as Consul's "Blocking Queries" asks of its clients.
  func watch(_ service: String) async {
    var history = ServiceHistory(settling: agent.settings.settling)
    var reported = ServiceHistory.Verdict.believed
    let query = BlockingQuery(path: "/v1/health/service/\(service)", [("stale", "")], agent)
    await query.follow(
      // What is kept for now is looked at again when that time is over.
      wait: { history.settlingEnd(now: .now).map { max(.milliseconds(100), $0 - .now) } ?? agent.settings.wait },
      interrupted: { error in
        history.interrupt(now: .now)
        guard let error, error.code != .unreachable else { return }
        logger.warning("cannot watch \(service)", metadata: ["error.message": "\(error)"])
      },
      answered: { answer in
        let entries = try answer.decode([HealthEntry].self, of: "the instances of \(service)")
        // What the token may not see is not the same as nothing.
        guard !entries.isEmpty || !answer.isFiltered else {
          throw ConsulError(.denied, "the token may not see \(service): it needs service:read and node:read")
        }
        let known = entries.compactMap { entry in entry.instance.map { ($0, entry.isPassing) } }
        let verdict = history.take(known, now: .now)
        if verdict != reported { report(verdict, service) }
        reported = verdict
        if let set = history.current { board.publish(set, of: service) }
      })
  }

  private func report(_ verdict: ServiceHistory.Verdict, _ service: String) {
    switch verdict {
    case .believed: logger.info("Consul's instances of \(service) are in force")
    case .settling:
      logger.notice("Consul does not name all instances of \(service) that it did; they are kept for now")
    case .nonePasses:
      logger.warning("no instance of \(service) passes Consul's checks; those that passed last stay in force")
    }
  }
}
