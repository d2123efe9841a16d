import { model } from "carillon"

export const Brand = model.define("brand", {
  id: model.id().primaryKey(),
  name: model.text(),
})
