/// Cuts a list into pieces of a few fixed sizes, so that statements with a row for each item have few texts and stay
/// prepared.
struct StatementChunks<Element>: Sequence {
  private let elements: ArraySlice<Element>
  private static var sizes: [Int] { [32, 8, 1] }

  init(_ elements: [Element]) { self.elements = elements[...] }

  func makeIterator() -> some IteratorProtocol<ArraySlice<Element>> {
    var rest = elements
    return AnyIterator {
      guard let size = Self.sizes.first(where: { $0 <= rest.count }) else { return nil }
      defer { rest = rest.dropFirst(size) }
      return rest.prefix(size)
    }
  }
}
