import CRabbitMQ
import Foundation

/// Texts and tables that the library may point to for as long as this lives.
final class AMQPArena {
  private var allocations: [UnsafeMutableRawPointer] = []

  deinit { for allocation in allocations { free(allocation) } }

  func bytes(_ text: String) -> amqp_bytes_t {
    let copy = strdup(text)!
    allocations.append(copy)
    return amqp_bytes_t(len: strlen(copy), bytes: copy)
  }

  func table(_ fields: [(String, AMQPValue)]) -> amqp_table_t {
    guard !fields.isEmpty else { return amqp_empty_table }
    let size = MemoryLayout<amqp_table_entry_t>.stride * fields.count
    let memory = calloc(1, size)!
    allocations.append(memory)
    let entries = memory.bindMemory(to: amqp_table_entry_t.self, capacity: fields.count)
    for (index, (name, value)) in fields.enumerated() {
      entries[index].key = bytes(name)
      entries[index].value = field(value)
    }
    return amqp_table_t(num_entries: Int32(fields.count), entries: entries)
  }

  private func field(_ value: AMQPValue) -> amqp_field_value_t {
    var field = amqp_field_value_t()
    switch value {
    case .text(let text):
      field.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
      field.value.bytes = bytes(text)
    case .integer(let integer):
      field.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
      field.value.i64 = integer
    case .flag(let flag):
      field.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
      field.value.boolean = flag ? 1 : 0
    case .table(let fields):
      field.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
      field.value.table = table(fields)
    }
    return field
  }
}

/// A value in a table of AMQP 0-9-1, as far as they are needed here.
enum AMQPValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
  case text(String)
  case integer(Int64)
  case flag(Bool)
  case table([(String, AMQPValue)])

  init(stringLiteral value: String) { self = .text(value) }
  init(integerLiteral value: Int64) { self = .integer(value) }
  init(booleanLiteral value: Bool) { self = .flag(value) }
}

extension amqp_bytes_t {
  /// A copy, since the library's own memory is used again.
  var text: String { String(decoding: UnsafeRawBufferPointer(start: bytes, count: len), as: UTF8.self) }

  var copy: [UInt8] { [UInt8](UnsafeRawBufferPointer(start: bytes, count: len)) }

  /// For the duration of the call.
  static func with<R>(_ text: String, _ body: (amqp_bytes_t) -> R) -> R {
    var text = text
    return text.withUTF8 { with(UnsafeRawBufferPointer($0), body) }
  }

  static func with<R>(_ bytes: [UInt8], _ body: (amqp_bytes_t) -> R) -> R {
    bytes.withUnsafeBytes { with($0, body) }
  }

  private static func with<R>(_ buffer: UnsafeRawBufferPointer, _ body: (amqp_bytes_t) -> R) -> R {
    // The library only reads from it.
    body(amqp_bytes_t(len: buffer.count, bytes: UnsafeMutableRawPointer(mutating: buffer.baseAddress)))
  }
}
