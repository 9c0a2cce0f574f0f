import GravityData
import CRabbitMQ
import CoreMetrics
import GravityEvents
import Logging

/// The publishing thread: keeps a connection, sends what callers want, hears what the broker confirms.
final class PublishingLoop {
  private static let confirmed: UInt16 = 1
  /// Without confirms.
  private static let announced: UInt16 = 2

  private let publications: Publications
  private let settings: BrokerSettings
  private let lifeline: Lifeline
  private let watchdog: Watchdog
  private let arena = AMQPArena()

  // Of the present connection.
  private var outstanding = Outstanding<Publications.Item>()
  private var answers: [(item: Publications.Item, isSafe: Bool)] = []
  private var isBlocked = false
  /// When something has come last, be it a heartbeat, which the library does not tell of, and since when something waits
  /// for its confirmation.
  private var lastHeard: UInt64 = 0
  private var waitingSince: UInt64 = 0
  private var stopDeadline: UInt64?

  init(_ publications: Publications, _ settings: BrokerSettings, _ lifeline: Lifeline, _ watchdog: Watchdog) {
    self.publications = publications
    self.settings = settings
    self.lifeline = lifeline
    self.watchdog = watchdog
  }

  func run() {
    var attempts = Reconnection()
    while !publications.isStopping {
      let failure = attempts.attempt { isUp throws(AMQPFailure) in
        let connection = try connect()
        isUp()
        settings.logger.info("publishing to RabbitMQ", metadata: settings.metadata)
        try serve(connection)
      }
      forget()
      guard var failure, !publications.isStopping else { break }
      if lifeline.wasOverdue { failure = AMQPFailure(.connection, "the broker does not answer") }
      publications.disconnected(failure.brokerError)
      if attempts.isNews {
        settings.metrics.disconnected.increment()
        settings.logger.warning("cannot publish to RabbitMQ", metadata: settings.metadata(failure))
      }
      publications.bell.sleep(attempts.pause) { publications.isStopping }
    }
    publications.close()
  }

  private func forget() {
    lifeline.detach()
    outstanding = Outstanding()
    answers = []
    isBlocked = false
    settings.metrics.outstanding.record(0)
  }

  private func connect() throws(AMQPFailure) -> AMQPConnection {
    let connection = try settings.connect(for: "publish", lifeline)
    arm()
    try connection.openChannel(Self.confirmed)
    try connection.selectConfirms(Self.confirmed)
    try settings.topology.declareExchanges(connection, Self.confirmed)
    try connection.openChannel(Self.announced)
    publications.connected()
    return connection
  }

  /// - Returns: once it is to stop, and what was sent is confirmed or will not be in time.
  private func serve(_ connection: AMQPConnection) throws(AMQPFailure) {
    let events = arena.bytes(settings.topology.events)
    let announcements = arena.bytes(settings.topology.announcements)
    var ready = Bell.Ready(canRead: true, canWrite: false)
    var lastLook: UInt64 = 0
    var hasMore = false
    while true {
      let now = Uptime.now
      arm(now)
      if ready.canRead { lastHeard = now }
      if ready.canRead || now - lastLook >= settings.heartbeatPause {
        hasMore = try hear(connection)
        lastLook = now
      }
      if publications.isStopping, isDone(now) {
        connection.close(within: .seconds(1))
        return
      }
      if ready.canWrite {
        try send(connection, events)
        try announce(connection, announcements)
      }
      lifeline.disarm()
      try checkProgress(now)
      let longest = publications.isStopping ? 100_000_000 : settings.heartbeatPause
      ready = publications.bell.wait(
        lifeline.descriptor, untilWritable: !isBlocked && publications.hasWork, timeout: hasMore ? 0 : longest)
      if hasMore { ready.canRead = true }
    }
  }

  private func isDone(_ now: UInt64) -> Bool {
    let deadline = stopDeadline ?? now + 1_000_000_000
    stopDeadline = deadline
    return outstanding.count == 0 || now >= deadline
  }

  private func arm(_ now: UInt64 = Uptime.now) {
    let deadline = now + settings.patience
    lifeline.arm(until: deadline)
    watchdog.expect(by: deadline)
  }

  // MARK: - Sending

  private func send(_ connection: AMQPConnection, _ exchange: amqp_bytes_t) throws(AMQPFailure) {
    let items = publications.take(atMost: 32, bytes: 32 << 10)
    guard !items.isEmpty else { return }
    if outstanding.count == 0 { waitingSince = Uptime.now }
    for item in items {
      // First, so that none is forgotten when the connection breaks.
      outstanding.append(item)
      try connection.publish(item.message, to: exchange, isLasting: true, Self.confirmed)
    }
    settings.metrics.outstanding.record(outstanding.count)
  }

  private func announce(_ connection: AMQPConnection, _ exchange: amqp_bytes_t) throws(AMQPFailure) {
    let announcements = publications.takeAnnouncements()
    guard !announcements.isEmpty else { return }
    for announcement in announcements {
      try connection.publish(announcement.message, to: exchange, isLasting: false, Self.announced)
    }
    publications.announced(announcements)
    settings.metrics.announced.increment(by: announcements.count)
  }

  // MARK: - Hearing

  /// - Returns: whether there may be more: the thread must come back to say that it is not stuck.
  private func hear(_ connection: AMQPConnection) throws(AMQPFailure) -> Bool {
    defer { answer() }
    for _ in 0..<settings.framesAtOnce {
      guard let (channel, frame) = try connection.next() else { return false }
      switch frame {
      case .ack(let tag, let multiple): confirm(tag, multiple, isSafe: true)
      case .nack(let tag, let multiple): confirm(tag, multiple, isSafe: false)
      // It is confirmed besides.
      case .returned: settings.metrics.returned.increment()
      case .blocked(let reason):
        isBlocked = true
        publications.blocked(reason)
        settings.logger.warning("RabbitMQ takes no messages", metadata: ["reason": "\(reason)"])
      case .unblocked:
        isBlocked = false
        // What waited on our side waited for the broker's.
        waitingSince = Uptime.now
        publications.blocked(nil)
        settings.logger.info("RabbitMQ takes messages again")
      case .channelClosed(let failure):
        throw AMQPFailure(.connection, code: failure.code, "channel \(channel): \(failure.text)")
      default: break
      }
    }
    return true
  }

  private func confirm(_ tag: UInt64, _ multiple: Bool, isSafe: Bool) {
    let items = outstanding.confirm(tag, multiple: multiple)
    (isSafe ? settings.metrics.confirmed : settings.metrics.refused).increment(by: items.count)
    answers += items.map { ($0, isSafe) }
    waitingSince = lastHeard
  }

  private func answer() {
    guard !answers.isEmpty else { return }
    publications.answered(answers)
    answers.removeAll(keepingCapacity: true)
    settings.metrics.outstanding.record(outstanding.count)
  }

  /// A peer that reads and says nothing is frozen, or behind a network that swallows everything. One that sends
  /// heartbeats and does not confirm has a queue that cannot be written now; others may well be.
  private func checkProgress(_ now: UInt64) throws(AMQPFailure) {
    guard outstanding.count > 0, !isBlocked else { return }
    let patience = max(settings.configuration.publishTimeout, settings.heartbeat).nanoseconds
    let isSilent = now > max(lastHeard, waitingSince) &+ patience
    if isSilent { throw AMQPFailure(.connection, "the broker does not answer") }
    // Nobody waits for them any more, but they are remembered here and there.
    if outstanding.count > 10 * settings.configuration.maximumOutstanding {
      throw AMQPFailure(.connection, "the broker does not confirm")
    }
  }
}
