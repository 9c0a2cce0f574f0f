public import GravityData
public import InventoryAPI

extension StockItem.Status: SQLDecodable {}
extension StockMovement.Reason: SQLDecodable {}
extension StockReservation.State: SQLDecodable {}
