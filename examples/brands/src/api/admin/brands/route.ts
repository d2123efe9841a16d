import type { AppRequest, AppResponse } from "carillon"
import type { z } from "zod"
import { createBrandWorkflow } from "../../../workflows/create-brand"
import type { PostAdminCreateBrand } from "./validators"

type PostAdminCreateBrandType = z.infer<typeof PostAdminCreateBrand>

export const POST = async (req: AppRequest<PostAdminCreateBrandType>, res: AppResponse) => {
  const { result } = await createBrandWorkflow(req.scope).run({
    input: req.validatedBody,
  })

  res.json({ brand: result })
}

export const GET = async (req: AppRequest, res: AppResponse) => {
  const query = req.scope.resolve("query")

  const { data: brands } = await query.graph({
    entity: "brand",
    fields: ["*"],
  })

  res.json({ brands })
}
