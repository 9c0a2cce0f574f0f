import CoreMetrics
import GravityData
import GravityEvents
import Logging

/// The consuming thread: a connection with a channel for each subscription and each feed.
final class ConsumingLoop {
  /// For what has nothing to do with one of them.
  private static let control: UInt16 = 1
  private static let deadLetterPause: UInt64 = 60_000_000_000

  private let subscriptions: Subscriptions
  private let settings: BrokerSettings
  private let lifeline: Lifeline
  private let watchdog: Watchdog
  private var channels: [ObjectIdentifier: ConsumingChannel] = [:]

  // Of the present connection.
  private var open: [UInt16: ConsumingChannel] = [:]
  private var free: [UInt16] = []
  /// Frames of the channel that had this number may still be in the library's queue.
  private var freed: [UInt16] = []
  private var lastNumber = ConsumingLoop.control
  private var isControlOpen = false
  private var nextDeadLetterLook: UInt64 = 0
  private var deadLetters = 0

  init(_ subscriptions: Subscriptions, _ settings: BrokerSettings, _ lifeline: Lifeline, _ watchdog: Watchdog) {
    self.subscriptions = subscriptions
    self.settings = settings
    self.lifeline = lifeline
    self.watchdog = watchdog
  }

  func run() {
    var attempts = Reconnection()
    while !subscriptions.isStopping {
      let failure = attempts.attempt { isUp throws(AMQPFailure) in
        let connection = try connect()
        isUp()
        settings.logger.info("consuming from RabbitMQ", metadata: settings.metadata)
        try serve(connection)
      }
      forget()
      guard var failure, !subscriptions.isStopping else { break }
      if lifeline.wasOverdue { failure = AMQPFailure(.connection, "the broker does not answer") }
      subscriptions.disconnected(failure.brokerError)
      if attempts.isNews {
        settings.metrics.disconnected.increment()
        settings.logger.warning("cannot consume from RabbitMQ", metadata: settings.metadata(failure))
      }
      let end = Uptime.now + attempts.pause
      while !subscriptions.isStopping, Uptime.now < end {
        workOffAway()
        _ = subscriptions.bell.wait(timeout: end - min(end, Uptime.now))
      }
    }
    subscriptions.close()
  }

  private func forget() {
    lifeline.detach()
    for channel in channels.values {
      channel.wentDown()
      channel.retryAt = 0
    }
    open = [:]
    free = []
    freed = []
    lastNumber = Self.control
    isControlOpen = false
  }

  private func connect() throws(AMQPFailure) -> AMQPConnection {
    let connection = try settings.connect(for: "consume", lifeline)
    arm()
    try openControl(connection)
    try settings.topology.declareExchanges(connection, Self.control)
    try settings.topology.declareDeadLetters(connection, Self.control)
    subscriptions.connected()
    return connection
  }

  /// - Returns: once it is to stop and has said what there was to say.
  private func serve(_ connection: AMQPConnection) throws(AMQPFailure) {
    var ready = Bell.Ready(canRead: true)
    var lastLook: UInt64 = 0
    var hasMore = false
    while true {
      let now = Uptime.now
      arm(now)
      if ready.canRead || now - lastLook >= settings.heartbeatPause {
        hasMore = try hear(connection)
        lastLook = now
      }
      let isStopping = subscriptions.isStopping
      var hasAsked = try workOff(subscriptions.takeCommands(), connection)
      if isStopping {
        connection.close(within: .seconds(1))
        return
      }
      if try openDue(connection, now) { hasAsked = true }
      if try lookAtDeadLetters(connection, now) { hasAsked = true }
      lifeline.disarm()
      // What came while the library waited for an answer is in its own queue, of which the socket knows nothing.
      ready = subscriptions.bell.wait(lifeline.descriptor, timeout: hasAsked || hasMore ? 0 : pause(now))
      if hasAsked || hasMore { ready.canRead = true }
    }
  }

  private func pause(_ now: UInt64) -> UInt64 {
    let retry = channels.values.lazy.filter { !$0.isOpen }.map(\.retryAt).min() ?? .max
    return min(settings.heartbeatPause, retry - min(retry, now))
  }

  private func arm(_ now: UInt64 = Uptime.now) {
    let deadline = now + settings.patience
    lifeline.arm(until: deadline)
    watchdog.expect(by: deadline)
  }

  // MARK: - Hearing

  /// - Returns: whether there may be more: the thread must come back to say that it is not stuck.
  private func hear(_ connection: AMQPConnection) throws(AMQPFailure) -> Bool {
    var heard: [UInt16: ConsumingChannel] = [:]
    defer { for channel in heard.values { channel.flush() } }
    for _ in 0..<settings.framesAtOnce {
      guard let (number, frame) = try connection.next() else {
        // The library hands out what it has queued before it reads: it knows nothing of those numbers any more.
        free += freed
        freed = []
        return false
      }
      guard let channel = open[number] else {
        if number == Self.control, case .channelClosed = frame { isControlOpen = false }
        continue
      }
      heard[number] = channel
      switch frame {
      case .deliver(let tag, let isRedelivered, let type, let consumer):
        channel.deliver(tag, isRedelivered: isRedelivered, type: type, consumer: consumer)
      case .header(let size, let id): try arrived(channel.header(size, id), channel, connection)
      case .body(let fragment): try arrived(channel.body(fragment), channel, connection)
      case .channelClosed(let failure): lost(channel, failure)
      case .cancelled:
        // Its queue was deleted.
        try connection.closeChannel(number)
        lost(channel, AMQPFailure(.channel, "the queue was deleted"))
      default: break
      }
    }
    return true
  }

  private func arrived(
    _ arrival: ConsumingChannel.Arrival, _ channel: ConsumingChannel, _ connection: AMQPConnection
  ) throws(AMQPFailure) {
    switch arrival {
    case .none: break
    case .message(let isRedelivered):
      settings.metrics.consumed.increment()
      if isRedelivered { settings.metrics.redelivered.increment() }
    case .gap: settings.metrics.missed.increment()
    case .alien(let tag):
      guard case .queue(let share) = channel.reader else { return }
      settings.logger.error(
        "a message that is no event was put aside",
        metadata: ["queue": "\(share.queue.name)", "to": "\(settings.topology.dead)"])
      settings.metrics.rejected.increment()
      channel.settleAlien(tag)
      try connection.reject(tag, multiple: false, requeue: false, channel.number)
    }
  }

  private func lost(_ channel: ConsumingChannel, _ failure: AMQPFailure) {
    // Else one that is refused as soon as it is open would be tried without end and pause.
    if channel.hasLasted { channel.backoff.succeeded() }
    open[channel.number] = nil
    freed.append(channel.wentDown())
    retry(channel, after: failure)
  }

  private func retry(_ channel: ConsumingChannel, after failure: AMQPFailure) {
    channel.retryAt = Uptime.now + channel.backoff.next().nanoseconds
    guard channel.isNews(failure.text) else { return }
    var metadata = settings.metadata(failure)
    if case .queue(let share) = channel.reader { metadata["queue"] = "\(share.queue.name)" }
    settings.logger.error("cannot consume", metadata: metadata)
  }

  // MARK: - Opening

  /// - Returns: whether it has asked the broker for something.
  private func openDue(_ connection: AMQPConnection, _ now: UInt64) throws(AMQPFailure) -> Bool {
    var hasAsked = false
    for channel in channels.values where !channel.isOpen && channel.retryAt <= now {
      hasAsked = true
      let number = nextNumber()
      try connection.openChannel(number)
      arm()
      do throws(AMQPFailure) {
        try begin(channel, number, connection)
      } catch {
        guard error.scope == .channel else { throw error }
        freed.append(number)
        retry(channel, after: error)
      }
    }
    return hasAsked
  }

  private func begin(
    _ channel: ConsumingChannel, _ number: UInt16, _ connection: AMQPConnection
  ) throws(AMQPFailure) {
    let topology = settings.topology
    switch channel.reader {
    case .queue(let share):
      let queue = try topology.declare(share.queue, connection, number)
      try connection.consume(queue, tag: ConsumingChannel.shareTag, prefetch: share.prefetch, number)
    case .feed(let feed):
      let (queue, gaps) = try topology.declareFeed(feed.patterns, connection, number)
      try connection.consume(gaps, tag: ConsumingChannel.gapsTag, prefetch: nil, number)
      try connection.consume(queue, tag: ConsumingChannel.feedTag, prefetch: nil, number)
    }
    channel.opened(number)
    open[number] = channel
  }

  private func nextNumber() -> UInt16 {
    if let number = free.popLast() { return number }
    lastNumber += 1
    return lastNumber
  }

  private func openControl(_ connection: AMQPConnection) throws(AMQPFailure) {
    guard !isControlOpen else { return }
    try connection.openChannel(Self.control)
    isControlOpen = true
  }

  // MARK: - Commands

  /// - Returns: whether it has asked the broker for something.
  private func workOff(
    _ commands: [Subscriptions.Command], _ connection: AMQPConnection
  ) throws(AMQPFailure) -> Bool {
    var hasAsked = false
    for (index, command) in commands.enumerated() {
      switch command {
      case .open, .openFeed: add(command)
      case .settle(let share, var tags, let settlement):
        // Many come one by one: together they are one line to the broker.
        if index + 1 < commands.count, commands[index + 1].continues(share, settlement) {
          pending += tags
        } else {
          tags += pending
          pending = []
          try settle(share, tags, settlement, connection)
        }
      case .close(let share, let answer):
        hasAsked = true
        try remove(ObjectIdentifier(share), connection)
        subscriptions.closed(answer)
      case .closeFeed(let feed):
        hasAsked = true
        try remove(ObjectIdentifier(feed), connection)
      case .count(let queue, let answer):
        hasAsked = true
        try count(queue, answer, connection)
      }
    }
    return hasAsked
  }

  private var pending: [UInt64] = []

  /// While there is no connection.
  private func workOffAway() {
    for command in subscriptions.takeCommands() {
      switch command {
      case .open, .openFeed: add(command)
      case .settle: break
      case .close(let share, let answer):
        channels[ObjectIdentifier(share)] = nil
        subscriptions.closed(answer)
      case .closeFeed(let feed): channels[ObjectIdentifier(feed)] = nil
      case .count(_, let answer):
        subscriptions.counted(answer, .failure(BrokerError.unavailable("not connected")))
      }
    }
  }

  private func add(_ command: Subscriptions.Command) {
    switch command {
    case .open(let share): channels[ObjectIdentifier(share)] = ConsumingChannel(.queue(share))
    case .openFeed(let feed): channels[ObjectIdentifier(feed)] = ConsumingChannel(.feed(feed))
    default: break
    }
  }

  private func settle(
    _ share: QueueShare, _ tags: [UInt64], _ settlement: Subscriptions.Settlement, _ connection: AMQPConnection
  ) throws(AMQPFailure) {
    guard let channel = channels[ObjectIdentifier(share)], channel.isOpen else { return }
    let before = channel.unsettledCount
    for said in channel.settle(tags) {
      switch settlement {
      case .acknowledge: try connection.acknowledge(said.tag, multiple: said.multiple, channel.number)
      case .giveBack: try connection.reject(said.tag, multiple: said.multiple, requeue: true, channel.number)
      }
    }
    let count = before - channel.unsettledCount
    (settlement == .acknowledge ? settings.metrics.acknowledged : settings.metrics.givenBack).increment(by: count)
  }

  /// The broker takes back what was not settled on a channel that is closed.
  private func remove(_ reader: ObjectIdentifier, _ connection: AMQPConnection) throws(AMQPFailure) {
    guard let channel = channels.removeValue(forKey: reader), channel.isOpen else { return }
    let number = channel.number
    open[number] = nil
    freed.append(channel.wentDown())
    do throws(AMQPFailure) {
      try connection.closeChannel(number)
    } catch {
      guard error.scope == .channel else { throw error }
    }
  }

  private func count(
    _ queue: String, _ answer: UInt64, _ connection: AMQPConnection
  ) throws(AMQPFailure) {
    do throws(AMQPFailure) {
      try openControl(connection)
      let waiting = try connection.countMessages(of: settings.topology.name(of: queue), Self.control)
      // What was on its way to us before the answer neither waits there nor is known here yet.
      _ = try hear(connection)
      let handled = channels.values.reduce(0) { sum, channel in
        guard case .queue(let share) = channel.reader, share.queue.name == queue else { return sum }
        return sum + channel.unsettledCount
      }
      subscriptions.counted(answer, .success(waiting + handled))
    } catch {
      guard error.scope == .channel else {
        subscriptions.counted(answer, .failure(error.brokerError))
        throw error
      }
      isControlOpen = false
      let isMissing = error.code == 404 && error.text.contains("no queue")
      subscriptions.counted(answer, isMissing ? .success(nil) : .failure(error.brokerError))
    }
  }

  // MARK: - Dead letters

  /// - Returns: whether it has asked the broker for something.
  private func lookAtDeadLetters(_ connection: AMQPConnection, _ now: UInt64) throws(AMQPFailure) -> Bool {
    guard now >= nextDeadLetterLook else { return false }
    nextDeadLetterLook = now + Self.deadLetterPause
    do throws(AMQPFailure) {
      try openControl(connection)
      let count = try connection.countMessages(of: settings.topology.dead, Self.control)
      settings.metrics.deadLetters.record(count)
      if count > deadLetters {
        settings.logger.error(
          "RabbitMQ has put messages aside", metadata: ["queue": "\(settings.topology.dead)", "count": "\(count)"])
      }
      deadLetters = count
    } catch {
      guard error.scope == .channel else { throw error }
      isControlOpen = false
    }
    return true
  }
}

extension Subscriptions.Command {
  /// Whether it settles more of the same.
  fileprivate func continues(_ share: QueueShare, _ settlement: Subscriptions.Settlement) -> Bool {
    guard case .settle(let other, _, let otherSettlement) = self else { return false }
    return other === share && otherSettlement == settlement
  }
}
