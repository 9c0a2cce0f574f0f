public import Foundation
public import GravityContracts
public import GravityData

/// The rows of one kind that a service has about a person, by their ids.
public struct PersonalDataSection: Sendable {
  public typealias Reader =
    @Sendable (_ after: UUID?, _ limit: Int, _ transaction: any Transaction) throws -> [(
      id: UUID, item: PersonalDataItem
    )]

  let read: Reader

  /// - Parameter read: the first so many in the order of their ids, after that one.
  public init(_ read: @escaping Reader) { self.read = read }
}

extension PersonalDataPage {
  /// A page of sections that are read one after the other.
  /// - Throws: `Problem` 422 when the cursor is of no such list.
  public init(
    of sections: [PersonalDataSection], after cursor: Cursor?, limit: Int, in transaction: any Transaction
  ) throws {
    var (section, last) = (0, UUID?.none)
    if let cursor {
      let parts = cursor.parts
      guard parts.count == 2, let number = Int(parts[0]), sections.indices.contains(number),
        parts[1].isEmpty || UUID(uuidString: parts[1]) != nil
      else { throw Problem.invalid("cursor", "format", "is not a cursor of this list") }
      (section, last) = (number, UUID(uuidString: parts[1]))
    }
    var items: [PersonalDataItem] = []
    while section < sections.count {
      let rows = try sections[section].read(last, limit - items.count, transaction)
      items += rows.map(\.item)
      if items.count >= limit {
        self.init(items: items, nextCursor: Cursor(["\(section)", rows.last?.id.lowercased ?? ""]))
        return
      }
      (section, last) = (section + 1, nil)
    }
    self.init(items: items, nextCursor: nil)
  }
}
