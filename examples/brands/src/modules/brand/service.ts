import { ModuleService } from "carillon"
import { Brand } from "./models/brand"

class BrandModuleService extends ModuleService({
  Brand,
}) {}

export default BrandModuleService
