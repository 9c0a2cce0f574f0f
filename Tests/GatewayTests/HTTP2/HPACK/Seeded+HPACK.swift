@testable import Gateway

extension Seeded {
  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

  mutating func text(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(0x20 + below(0x5F)) } }

  mutating func name() -> [UInt8] {
    switch below(3) {
    case 0: Array(UnsafeRawBufferPointer(HPACKStaticTable.shared.name(at: 1 + below(HPACKStaticTable.count))))
    case 1: Array("x-\(below(12))".utf8)
    default: Array("name-that-is-longer-\(below(40))".utf8)
    }
  }

  /// A field of the kind that comes again.
  mutating func field(isText: Bool) -> HPACKField {
    if oneIn(4) {
      let index = 1 + below(HPACKStaticTable.count)
      return HPACKField(HPACKStaticTable.shared.name(at: index), HPACKStaticTable.shared.value(at: index))
    }
    let length = oneIn(10) ? below(700) : below(24)
    let value = oneIn(2) ? Array("value \(below(6))".utf8) : isText ? text(length) : bytes(length)
    return HPACKField(name(), value)
  }

  mutating func indexing() -> HPACKEncoder.Indexing {
    [.indexable, .indexable, .indexable, .nonIndexable, .neverIndexed][below(5)]
  }
}
