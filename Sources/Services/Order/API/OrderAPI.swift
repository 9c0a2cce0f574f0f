public import GravityContracts

/// What others may know of the order service: port 8006, database order_db.
public enum OrderAPI {
  /// Where the service is found.
  public static let service = "order"
  public static let standardPort = 8006

  /// A test compares this with what the server binds.
  public static let endpoints: [any EndpointDescription] = [
    place, orders, order, orderForServices, cancel, complete, history, saga, export, createCart, cart, setCartLine,
    updateCart,
    deleteCart, claimCart, checkout, sagas, sagaByID, retrySaga, sagaEvents,
  ]
}

// MARK: - Orders

extension OrderAPI {
  /// With `Prefer: wait=5` the answer waits up to so many seconds (at most 30) until the order is settled.
  public static let place = Endpoint<Placement, Order>(
    "placeOrder", .post, "/api/v1/orders", access: .authenticated,
    summary: "Place an order; its stock is reserved and its payment taken in the background (Prefer: wait=5 waits)",
    success: 201, idempotency: .required,
    problems: ["not_found", "unknown_sku", "total_too_large", "catalogue_unavailable"])

  public static let orders = Endpoint<OrderSearch, Page<Order>>(
    "orders", .get, "/api/v1/orders", access: .authenticated,
    summary: "One's own orders, newest first; with orders:read and `all`, everybody's")

  public static let order = Endpoint<OrderID, Order>(
    "order", .get, "/api/v1/orders/{id}", access: .authenticated, summary: "An order",
    owned: true, problems: ["not_found"])

  /// For services that act upon an order's events.
  public static let orderForServices = Endpoint<OrderID, Order>(
    "orderForServices", .get, "/api/v1/orders/{id}/full", access: .service, summary: "Anybody's order",
    problems: ["not_found"])

  public static let cancel = Endpoint<OrderCancellation, Order>(
    "cancelOrder", .post, "/api/v1/orders/{id}/cancel", access: .authenticated,
    summary: "Cancel an order: what was reserved is freed, what was paid is given back", owned: true,
    idempotency: .accepted, problems: ["not_found", "invalid_state"])

  public static let complete = Endpoint<OrderID, Order>(
    "completeOrder", .post, "/api/v1/orders/{id}/complete", access: .permission("orders:write"),
    summary: "Close an order of which everything is done", problems: ["not_found", "invalid_state"])

  public static let history = Endpoint<OrderID, OrderHistory>(
    "orderHistory", .get, "/api/v1/orders/{id}/history", access: .authenticated,
    summary: "Which statuses an order had, and when", owned: true, problems: ["not_found"])

  public static let saga = Endpoint<OrderID, SagaView>(
    "orderSaga", .get, "/api/v1/orders/{id}/saga", access: .authenticated,
    summary: "What was done for an order, step by step", owned: true, problems: ["not_found"])

  public static let export = Endpoint<OrderExport, Content>(
    "exportOrders", .get, "/api/v1/orders/export", access: .permission("orders:read"),
    summary: "Orders as CSV (RFC 4180), oldest first: at most 10 000 of a call", produces: "text/csv")
}

// MARK: - Carts

extension OrderAPI {
  public static let createCart = Endpoint<NewCart, Cart>(
    "createCart", .post, "/api/v1/carts", access: .public,
    summary: "Open a cart; without a token it belongs to whoever knows its id", success: 201, idempotency: .accepted)

  public static let cart = Endpoint<CartID, Cart>(
    "cart", .get, "/api/v1/carts/{id}", access: .public, summary: "A cart at today's prices", owned: true,
    problems: ["not_found", "catalogue_unavailable"])

  public static let setCartLine = Endpoint<CartLineChange, Cart>(
    "setCartLine", .put, "/api/v1/carts/{id}/lines/{sku}", access: .public,
    summary: "How many of an item are in a cart; 0 takes it out", owned: true, precondition: .accepted,
    problems: ["not_found", "cart_completed", "too_many_lines", "unknown_sku", "catalogue_unavailable"])

  public static let updateCart = Endpoint<CartUpdate, Cart>(
    "updateCart", .patch, "/api/v1/carts/{id}", access: .public, summary: "Where a cart is sent",
    owned: true, precondition: .accepted, problems: ["not_found", "cart_completed", "catalogue_unavailable"])

  public static let deleteCart = Endpoint<CartID, Empty>(
    "deleteCart", .delete, "/api/v1/carts/{id}", access: .public, summary: "Throw a cart away", owned: true,
    problems: ["not_found", "cart_completed"])

  public static let claimCart = Endpoint<CartID, Cart>(
    "claimCart", .post, "/api/v1/carts/{id}/claim", access: .authenticated,
    summary: "After login: make a guest's cart one's own; what is in the own cart already is put together with it",
    problems: ["not_found", "cart_completed", "too_many_lines", "currencies_differ", "catalogue_unavailable"])

  /// A cart becomes one order, however often this is called.
  public static let checkout = Endpoint<Checkout, Order>(
    "checkoutCart", .post, "/api/v1/carts/{id}/checkout", access: .authenticated,
    summary: "Place the order of a cart at today's prices", success: 201, owned: true, idempotency: .required,
    problems: [
      "not_found", "cart_empty", "unknown_sku", "total_too_large", "prices_changed", "catalogue_unavailable",
    ])
}

// MARK: - Sagas

extension OrderAPI {
  public static let sagas = Endpoint<SagaSearch, Page<SagaView>>(
    "sagas", .get, "/api/v1/sagas", access: .permission("sagas:read"), summary: "What is being done, newest first")

  public static let sagaByID = Endpoint<SagaID, SagaView>(
    "saga", .get, "/api/v1/sagas/{id}", access: .permission("sagas:read"),
    summary: "One of them with each attempt at each step", problems: ["not_found"])

  public static let retrySaga = Endpoint<SagaID, SagaView>(
    "retrySaga", .post, "/api/v1/sagas/{id}/retry", access: .permission("sagas:write"),
    summary: "Try a parked one again now", problems: ["not_found", "invalid_state"])

  public static let sagaEvents = Endpoint<Empty, EventStream>(
    "sagaEvents", .get, "/api/v1/sagas/events", access: .permission("sagas:read"),
    summary: "A server-sent event with each saga that moves on", problems: ["too_many_watchers"])
}
