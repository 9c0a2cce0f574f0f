public import GravityContracts

// What the fields of what the product service takes may be, beyond their types.

extension FieldBounds {
  fileprivate static let title = FieldBounds.plainText(200)
  /// Printable ASCII without blanks at its ends.
  fileprivate static func machineText(_ greatest: Int) -> FieldBounds {
    .text(1...greatest, pattern: "^[!-~](?:[ -~]*[!-~])?$")
  }
  fileprivate static let slug = FieldBounds.text(1...120, format: "slug")
  fileprivate static let price = FieldBounds.integer(0...Money.greatest)
}

extension NewProduct: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    [
      "title": .title, "slug": .slug, "description": .plainText(10_000, lines: true, tabs: true),
      "external_id": .machineText(100), "tags": .items(0...50, each: .plainText(50)), "options": .items(0...5),
      "variants": .items(0...100),
    ]
  }
}

extension ProductUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] { NewProduct.bounds }
}

extension ProductOption: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["name": .plainText(50), "values": .items(1...100, each: .plainText(100))]
  }
}

extension Price: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["amount": .price] }
}

extension NewVariant: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["sku": .machineText(64), "title": .title, "prices": .items(0...50), "barcode": .machineText(64)]
  }
}

extension VariantAddition: FieldBounded {
  public static var bounds: [String: FieldBounds] { NewVariant.bounds }
}

extension VariantUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] { NewVariant.bounds }
}

extension NewCategory: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["name": .plainText(100), "slug": .slug] }
}

extension CategoryUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] { NewCategory.bounds }
  public static var neverNull: Set<String> { ["name"] }
}

extension NewCollection: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["title": .title, "slug": .slug, "description": .plainText(10_000, lines: true)]
  }
}

extension CollectionUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] { NewCollection.bounds }
  public static var neverNull: Set<String> { ["title", "rules"] }
}

extension CollectionRules: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["conditions": .items(1...20)] }
}

extension CollectionCondition: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["value": .plainText(200)] }
}

extension MemberChange: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["add": .items(0...100), "remove": .items(0...100)] }
}

extension ProductQuery: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    [
      "tag": .text(0...200), "sku": .text(0...200), "external_id": .text(0...200), "price_min": .price,
      "price_max": .price, "q": .text(1...320, format: "search-words"),
    ]
  }
}

extension QuoteRequest: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["skus": .items(1...100)] }
}

extension ExportQuery: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["limit": .integer(1...1000)] }
}
