public import GravityContracts

/// What others may know of the inventory service: port 8008, database inventory_db.
public enum InventoryAPI {
  /// Where the service is found.
  public static let service = "inventory"
  public static let standardPort = 8008

  /// Sees stock, movements and reservations.
  public static let read: Permission = "inventory:read"
  /// Changes stock and locations.
  public static let write: Permission = "inventory:write"
  /// Holds stock for an order, and chooses the reservation's id.
  public static let reserve: Permission = "inventory:reserve"

  /// A test compares this with what the server binds.
  public static let endpoints: [any EndpointDescription] = [
    items, createItem, item, updateItem, adjust, setLevel, movements,
    locations, createLocation, location, updateLocation, deleteLocation,
    reservations, createReservation, reservation, commitReservation, releaseReservation, extendReservation,
    returnReservation,
  ]
}

// MARK: - Stock

extension InventoryAPI {
  public static let items = Endpoint<StockItemQuery, Page<StockItem>>(
    "items", .get, "/api/v1/inventory/items", access: .permission(read), summary: "Items by SKU")

  public static let createItem = Endpoint<NewStockItem, StockItem>(
    "createItem", .post, "/api/v1/inventory/items", access: .permission(write),
    summary: "Make an item with nothing in stock; a first adjustment makes one too", success: 201,
    idempotency: .accepted, problems: ["item_exists"])

  public static let item = Endpoint<StockItemName, StockItem>(
    "item", .get, "/api/v1/inventory/items/{sku}", access: .permission(read), summary: "An item and where it is",
    problems: ["not_found"])

  public static let updateItem = Endpoint<StockItemUpdate, StockItem>(
    "updateItem", .patch, "/api/v1/inventory/items/{sku}", access: .permission(write),
    summary: "Change the thresholds of an item", problems: ["not_found"])

  /// `stock_in_use`: less would be left than is reserved and allocated there; `on_hand`, `reserved` and `allocated` say
  /// what is.
  public static let adjust = Endpoint<StockAdjustment, StockItem>(
    "adjust", .post, "/api/v1/inventory/items/{sku}/adjustments", access: .permission(write),
    summary: "Add to what is on hand, or take from it; makes the item when there is none", idempotency: .accepted,
    problems: ["stock_in_use", "too_much_stock"])

  /// `level_changed`: `on_hand` is not what was expected; `on_hand`, `reserved` and `allocated` say what is.
  public static let setLevel = Endpoint<StockLevelChange, StockItem>(
    "setLevel", .put, "/api/v1/inventory/items/{sku}/levels/{location}", access: .permission(write),
    summary: "Set what is on hand, if it is still what the caller believes (compare and swap)",
    problems: ["level_changed", "stock_in_use"])

  public static let movements = Endpoint<StockMovementQuery, Page<StockMovement>>(
    "movements", .get, "/api/v1/inventory/items/{sku}/movements", access: .permission(read),
    summary: "What happened to an item's stock, latest first; nothing is ever taken out", problems: ["not_found"])
}

// MARK: - Locations

extension InventoryAPI {
  public static let locations = Endpoint<PageRequest, Page<StockLocation>>(
    "locations", .get, "/api/v1/inventory/locations", access: .permission(read), summary: "Locations by code")

  public static let createLocation = Endpoint<NewStockLocation, StockLocation>(
    "createLocation", .post, "/api/v1/inventory/locations", access: .permission(write), success: 201,
    idempotency: .accepted, problems: ["location_exists", "too_many_locations"])

  public static let location = Endpoint<StockLocationCode, StockLocation>(
    "location", .get, "/api/v1/inventory/locations/{code}", access: .permission(read), problems: ["not_found"])

  public static let updateLocation = Endpoint<StockLocationUpdate, StockLocation>(
    "updateLocation", .patch, "/api/v1/inventory/locations/{code}", access: .permission(write),
    precondition: .accepted, problems: ["not_found"])

  /// One where nothing ever was, since its movements stay; and not `main`.
  public static let deleteLocation = Endpoint<StockLocationCode, Empty>(
    "deleteLocation", .delete, "/api/v1/inventory/locations/{code}", access: .permission(write),
    precondition: .accepted, problems: ["not_found", "location_in_use"])
}

// MARK: - Reservations

extension InventoryAPI {
  public static let reservations = Endpoint<StockReservationQuery, Page<StockReservation>>(
    "reservations", .get, "/api/v1/inventory/reservations", access: .permission(read),
    summary: "Reservations, latest first")

  /// All lines or none. Done again under the same id it answers with what there is.
  ///
  /// - `insufficient_stock`: `shortages` is a list of `{sku, requested, available}`, one for each SKU that is short.
  /// - `reservation_closed`: the id's reservation has ended, or was released before it came; `state` says how.
  /// - `reservation_conflict`: the id's reservation has other lines.
  public static let createReservation = Endpoint<NewStockReservation, StockReservation>(
    "createReservation", .post, "/api/v1/inventory/reservations", access: .permission(reserve),
    summary: "Hold stock for a while, all lines or none", success: 201, idempotency: .accepted,
    problems: ["insufficient_stock", "reservation_closed", "reservation_conflict"])

  public static let reservation = Endpoint<StockReservationID, StockReservation>(
    "reservation", .get, "/api/v1/inventory/reservations/{id}", access: .permission(reserve),
    problems: ["not_found"])

  /// What was reserved is sold and waits to be shipped. Again: the same answer. Too late: `reservation_closed`.
  public static let commitReservation = Endpoint<StockReservationID, StockReservation>(
    "commitReservation", .post, "/api/v1/inventory/reservations/{id}/commit", access: .permission(reserve),
    summary: "Sell what is reserved", problems: ["not_found", "reservation_closed"])

  /// Frees what is reserved. One that has ended and holds nothing is answered as it is; one that is committed is
  /// `reservation_closed`. An id that was never seen is used up, so that a reservation that comes later is refused.
  public static let releaseReservation = Endpoint<StockReservationID, StockReservation>(
    "releaseReservation", .post, "/api/v1/inventory/reservations/{id}/release", access: .permission(reserve),
    summary: "Free what is reserved", problems: ["reservation_closed"])

  /// Never makes it shorter.
  public static let extendReservation = Endpoint<StockReservationExtension, StockReservation>(
    "extendReservation", .post, "/api/v1/inventory/reservations/{id}/extend", access: .permission(reserve),
    summary: "Hold the stock for longer, from now on", problems: ["not_found", "reservation_closed"])

  /// Takes the reservation back, whatever came of it: what is allocated or still reserved is available again, one that
  /// has ended otherwise is answered as it is, and an id that was never seen is used up.
  public static let returnReservation = Endpoint<StockReservationID, StockReservation>(
    "returnReservation", .post, "/api/v1/inventory/reservations/{id}/return", access: .permission(reserve),
    summary: "Put back what was sold and not shipped")
}
