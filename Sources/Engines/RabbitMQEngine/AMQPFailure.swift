import CRabbitMQ
import GravityEvents

/// Why a connection or a channel ended, or a request was not granted.
struct AMQPFailure: Error, Equatable {
  enum Scope { case channel, connection }

  var scope: Scope
  /// The reply code of AMQP 0-9-1, 1.2; nil when it was not the broker that ended it.
  var code: Int?
  var text: String

  init(_ scope: Scope, code: Int? = nil, _ text: String) {
    self.scope = scope
    self.code = code
    self.text = text
  }

  /// What the library says.
  init(status: Int32, _ what: String) {
    self.init(.connection, "\(what): \(String(cString: amqp_error_string2(status)))")
  }

  /// Whether the broker answered and said no, so that trying again without a change is of no use.
  var isRefusal: Bool {
    switch code {
    // Access refused, not found, locked, precondition failed, not allowed, invalid path.
    case 403, 404, 405, 406, 530, 402: true
    default: false
    }
  }

  var brokerError: BrokerError { isRefusal ? .refused(text) : .unavailable(text) }
}
