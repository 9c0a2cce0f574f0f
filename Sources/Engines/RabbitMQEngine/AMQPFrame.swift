import CRabbitMQ

/// What the broker sends, copied out of the library's memory. A message comes in parts: what it is about
/// (``deliver``, ``returned``), its header, its body in fragments.
enum AMQPFrame {
  case deliver(tag: UInt64, isRedelivered: Bool, routingKey: String, consumer: String)
  case returned(routingKey: String)
  case header(size: UInt64, messageID: String?)
  case body([UInt8])
  /// A publisher's confirmation.
  case ack(tag: UInt64, multiple: Bool)
  case nack(tag: UInt64, multiple: Bool)
  /// The queue of a consumer is gone.
  case cancelled
  case channelClosed(AMQPFailure)
  /// The broker is short of memory or disk, and takes no messages on this connection.
  case blocked(reason: String)
  case unblocked
  case connectionClosed(AMQPFailure)
  case other

  init(_ frame: amqp_frame_t) {
    switch Int32(frame.frame_type) {
    case AMQP_FRAME_METHOD: self = Self.method(frame.payload.method)
    case AMQP_FRAME_HEADER: self = Self.header(frame)
    case AMQP_FRAME_BODY: self = .body(frame.payload.body_fragment.copy)
    default: self = .other
    }
  }

  private static func header(_ frame: amqp_frame_t) -> AMQPFrame {
    let content = frame.payload.properties
    guard let decoded = content.decoded else { return .header(size: content.body_size, messageID: nil) }
    let properties = decoded.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee
    let hasID = properties._flags & amqp_flags_t(AMQP_BASIC_MESSAGE_ID_FLAG) != 0
    return .header(size: content.body_size, messageID: hasID ? properties.message_id.text : nil)
  }

  private static func method(_ method: amqp_method_t) -> AMQPFrame {
    switch method.id {
    case AMQP_BASIC_DELIVER_METHOD:
      let deliver = method.as(amqp_basic_deliver_t.self)
      return .deliver(
        tag: deliver.delivery_tag, isRedelivered: deliver.redelivered != 0, routingKey: deliver.routing_key.text,
        consumer: deliver.consumer_tag.text)
    case AMQP_BASIC_ACK_METHOD:
      let ack = method.as(amqp_basic_ack_t.self)
      return .ack(tag: ack.delivery_tag, multiple: ack.multiple != 0)
    case AMQP_BASIC_NACK_METHOD:
      let nack = method.as(amqp_basic_nack_t.self)
      return .nack(tag: nack.delivery_tag, multiple: nack.multiple != 0)
    case AMQP_BASIC_RETURN_METHOD: return .returned(routingKey: method.as(amqp_basic_return_t.self).routing_key.text)
    case AMQP_BASIC_CANCEL_METHOD: return .cancelled
    case AMQP_CHANNEL_CLOSE_METHOD: return .channelClosed(AMQPFailure(method))
    case AMQP_CONNECTION_CLOSE_METHOD: return .connectionClosed(AMQPFailure(method))
    case AMQP_CONNECTION_BLOCKED_METHOD:
      return .blocked(reason: method.as(amqp_connection_blocked_t.self).reason.text)
    case AMQP_CONNECTION_UNBLOCKED_METHOD: return .unblocked
    default: return .other
    }
  }
}

extension AMQPFailure {
  /// From the broker's `connection.close` or `channel.close`.
  init(_ method: amqp_method_t) {
    if method.id == AMQP_CONNECTION_CLOSE_METHOD {
      let close = method.as(amqp_connection_close_t.self)
      self.init(.connection, code: Int(close.reply_code), close.reply_text.text)
    } else {
      let close = method.as(amqp_channel_close_t.self)
      self.init(.channel, code: Int(close.reply_code), close.reply_text.text)
    }
  }
}

extension amqp_method_t {
  fileprivate func `as`<T>(_ type: T.Type) -> T { decoded.assumingMemoryBound(to: T.self).pointee }
}
