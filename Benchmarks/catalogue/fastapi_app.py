"""The same read with FastAPI, SQLAlchemy and asyncpg: one row by its id, answered as JSON.

`/api/v1/products/{id}` goes through a model and a response model, as applications do; `/raw/{id}` sends the document's
text as the database gives it, which is as little as can be done.
"""
import os
from datetime import datetime
from uuid import UUID

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel
from sqlalchemy import Text, cast, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

url = os.environ["CATALOGUE_URL"].replace("postgres://", "postgresql+asyncpg://")
engine = create_async_engine(url, pool_size=16, max_overflow=0)
session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "products"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    shelf: Mapped[str]
    version: Mapped[int]
    document: Mapped[dict] = mapped_column(JSONB)


class Price(BaseModel):
    amount: int
    currency: str


class Variant(BaseModel):
    id: UUID
    sku: str
    title: str | None = None
    options: dict[str, str]
    price: Price | None = None
    prices: list[Price]
    barcode: str | None = None
    requires_shipping: bool
    availability: str


class Option(BaseModel):
    name: str
    values: list[str]


class Product(BaseModel):
    id: UUID
    external_id: str | None = None
    title: str
    slug: str
    description: str | None = None
    status: str
    category_id: UUID | None = None
    tags: list[str]
    options: list[Option]
    variants: list[Variant]
    version: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None = None


@app.get("/api/v1/products/{id}", response_model=Product, response_model_exclude_none=True)
async def product(id: UUID, response: Response):
    async with session() as current:
        row = (await current.execute(select(Row).where(Row.id == id, Row.shelf != "deleted"))).scalar_one_or_none()
    if row is None or row.shelf != "published":
        raise HTTPException(404)
    response.headers["ETag"] = f'"v{row.version}"'
    return row.document


@app.get("/raw/{id}")
async def raw(id: UUID):
    async with engine.connect() as connection:
        row = (
            await connection.execute(
                select(cast(Row.document, Text), Row.version).where(Row.id == id, Row.shelf == "published"))
        ).one_or_none()
    if row is None:
        raise HTTPException(404)
    return Response(row[0], media_type="application/json", headers={"ETag": f'"v{row[1]}"'})
