import CoreMetrics

/// Named after OpenTelemetry's semantic conventions for messaging; what they do not have is `messaging.rabbitmq.*`.
struct BrokerMetrics: Sendable {
  let confirmed: Counter
  let refused: Counter
  let returned: Counter
  let announced: Counter
  let consumed: Counter
  let redelivered: Counter
  let acknowledged: Counter
  let givenBack: Counter
  let rejected: Counter
  let disconnected: Counter
  let missed: Counter
  let outstanding: Gauge
  let deadLetters: Gauge
  let publishing: Timer
  let failing: Timer

  init(_ factory: (any MetricsFactory)?) {
    let factory = factory ?? MetricsSystem.factory
    let system = [("messaging.system", "rabbitmq")]
    func counter(_ label: String, _ dimensions: [(String, String)] = []) -> Counter {
      Counter(label: label, dimensions: system + dimensions, factory: factory)
    }
    func timer(_ dimensions: [(String, String)]) -> Timer {
      Timer(
        label: "messaging.client.operation.duration",
        dimensions: system + [("messaging.operation.name", "publish")] + dimensions, factory: factory)
    }
    let sent = "messaging.client.sent.messages"
    confirmed = counter(sent, [("messaging.operation.name", "publish")])
    refused = counter(sent, [("messaging.operation.name", "publish"), ("error.type", "nack")])
    announced = counter(sent, [("messaging.operation.name", "announce")])
    returned = counter("messaging.rabbitmq.returned.messages")
    consumed = counter("messaging.client.consumed.messages")
    redelivered = counter("messaging.rabbitmq.redelivered.messages")
    acknowledged = counter("messaging.rabbitmq.settled.messages", [("messaging.operation.name", "ack")])
    givenBack = counter("messaging.rabbitmq.settled.messages", [("messaging.operation.name", "nack")])
    rejected = counter("messaging.rabbitmq.settled.messages", [("messaging.operation.name", "reject")])
    disconnected = counter("messaging.rabbitmq.disconnections")
    missed = counter("messaging.rabbitmq.feed.gaps")
    outstanding = Gauge(label: "messaging.rabbitmq.outstanding.messages", dimensions: system, factory: factory)
    deadLetters = Gauge(label: "messaging.rabbitmq.dead.letters", dimensions: system, factory: factory)
    publishing = timer([])
    failing = timer([("error.type", "_OTHER")])
  }
}
