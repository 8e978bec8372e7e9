"""Names under which shop systems and their users export the canonical columns, in ten languages; and how names are compared."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ACCENTS = re.compile("[\u0300-\u036f]")  # of Latin letters; marks of other scripts tell their letters apart
_BETWEEN = re.compile(r"[\W_]+")

# The first one that is there is taken. English names stand first, as exports in any language have some of them.
_NAMES: dict[str, str] = {
    "order_id": """
        order id, invoice no, invoice, invoice id, invoice number, invoice num, order number, order no, order nr, order num,
        receipt id, receipt no, receipt number, transaction id, basket id, order reference,
        Bestellnummer, Bestell-Nr, Bestellnr., Auftragsnummer, Auftrags-Nr, Rechnungsnummer, Rechnungs-Nr, Belegnummer, Beleg-Nr,
        Bonnummer, Bon-Nr, Bestellung, Auftrag, Rechnung,
        numéro de commande, numéro commande, n° de commande, n° commande, nº commande, ID commande, commande, numéro de facture,
        n° facture, facture, numéro de ticket,
        número de pedido, n.º de pedido, nº pedido, ID pedido, ID de pedido, pedido, número de factura, factura, número de ticket,
        número do pedido, ID do pedido, número da fatura, fatura, nota fiscal, encomenda,
        numero ordine, numero d'ordine, n. ordine, ID ordine, ordine, numero fattura, fattura, scontrino,
        bestelnummer, ordernummer, factuurnummer, bonnummer, bestelling, factuur,
        订单号, 订单编号, 订单ID, 订单, 订单号码, 訂單編號, 訂單號碼, 单号, 发票号,
        注文番号, 注文ID, 注文No, 受注番号, 伝票番号, レシート番号
    """,
    "product_id": """
        product id, stock code, sku, item id, product code, product number, item code, item number, item no, article id, article no,
        listing id, article,
        Artikelnummer, Artikel-Nr, Art-Nr, Artikelcode, Produktnummer, Produkt-ID, Produktcode,
        référence produit, réf produit, code article, code produit, référence, ID produit,
        código de producto, código producto, código de artículo, referencia, ID producto,
        código do produto, código produto, referência, ID do produto,
        codice articolo, codice prodotto, ID prodotto, riferimento,
        artikelnr, productcode, productnummer, artikel-ID,
        商品编号, 商品编码, 商品ID, 商品代码, 产品编号, 产品编码, 货号, 商品編號,
        商品コード, 商品番号, 商品ID, 品番, 製品コード
    """,
    "description": """
        description, product name, item name, product, title, item, item description, product description, product title,
        Bezeichnung, Artikelbezeichnung, Artikelname, Produktname, Produktbezeichnung, Beschreibung, Produkt, Artikel,
        désignation, libellé, nom du produit, produit, intitulé,
        descripción, nombre del producto, nombre producto, producto, artículo,
        descrição, nome do produto, produto, artigo,
        descrizione, nome prodotto, nome del prodotto, prodotto, articolo,
        omschrijving, productnaam, artikelnaam, artikelomschrijving,
        商品名称, 产品名称, 商品名稱, 品名, 商品, 产品, 商品名, 製品名, 品目
    """,
    "quantity": """
        quantity, qty, units, item count, quantity ordered, qty ordered, item quantity, units sold, quantity sold,
        Menge, Anzahl, Stückzahl, Stück, Bestellmenge, Stueckzahl, Stueck,
        quantité, qté, quantité commandée, nombre d'articles,
        cantidad, cant, unidades,
        quantidade, qtd, qtde, unidades,
        quantità, qtà, q.tà, pezzi,
        aantal, hoeveelheid,
        数量, 购买数量, 商品数量, 件数, 數量, 個数, 点数, 注文数
    """,
    "ordered_at": """
        ordered at, invoice date, order date, date, datetime, timestamp, transaction date, purchase date, created at, order time,
        order datetime, order date time, order timestamp, purchase timestamp, order purchase timestamp, purchase time, transaction time,
        transaction timestamp, sale date, sales date, sale time, date of sale, order created at, date created, date time, placed at,
        Bestelldatum, Auftragsdatum, Rechnungsdatum, Kaufdatum, Belegdatum, Verkaufsdatum, Bestellzeitpunkt, Datum, Zeitpunkt,
        date de commande, date de la commande, date commande, date de facture, date facture, date d'achat, date de vente,
        fecha de pedido, fecha del pedido, fecha pedido, fecha de compra, fecha de venta, fecha de factura, fecha factura, fecha,
        data do pedido, data da compra, data da venda, data pedido, data da encomenda, data,
        data ordine, data dell'ordine, data di acquisto, data acquisto, data vendita, data fattura,
        besteldatum, orderdatum, factuurdatum, aankoopdatum, verkoopdatum, datum,
        下单时间, 下单日期, 订单日期, 订单时间, 订单创建时间, 购买时间, 购买日期, 交易时间, 交易日期, 日期, 时间, 訂單日期,
        注文日時, 注文日, 購入日時, 購入日, 受注日時, 受注日, 売上日, 販売日, 日付, 日時
    """,
    "unit_price": """
        unit price, price, item price, price per unit, price each, product price, price per item,
        Einzelpreis, Stückpreis, Stueckpreis, Preis pro Stück, Preis je Stück, Verkaufspreis, Preis,
        prix unitaire, prix unitaire TTC, PU, prix,
        precio unitario, precio por unidad, precio unidad, precio,
        preço unitário, valor unitário, preço,
        prezzo unitario, prezzo,
        stuksprijs, stukprijs, eenheidsprijs, prijs per stuk, prijs,
        单价, 商品单价, 单价(元), 价格, 商品价格, 單價, 単価, 販売単価, 商品単価, 価格
    """,
    "customer_id": """
        customer id, customer, cust id, client id, user id, member id, buyer id, customer number, customer no, customer nr, customer code,
        customer key, cust no, client no, client number, client code, member no, member number, shopper id, household key,
        Kundennummer, Kunden-Nr, Kd-Nr, Kunden-ID, Kundencode, Kunde,
        numéro client, numéro de client, n° client, nº client, code client, identifiant client, ID client, client,
        ID cliente, ID de cliente, ID del cliente, número de cliente, código de cliente, código cliente, nº cliente, cliente,
        ID do cliente, código do cliente, número do cliente, codice cliente, numero cliente,
        klantnummer, klant-ID, klantnr, klantcode, klant,
        客户编号, 客户ID, 客户号, 顾客编号, 顾客ID, 会员号, 会员编号, 会员ID, 用户ID, 用户编号, 买家ID, 客戶編號, 客户,
        顧客ID, 顧客番号, 顧客コード, 会員番号, 会員ID, お客様番号, 得意先コード
    """,
    "country": """
        country, shipping country, country code, ship country, delivery country, billing country, ship to country,
        Land, Lieferland, Ländercode, Ländercode, Laendercode, Rechnungsland,
        pays, pays de livraison, país, país de envío, país de entrega, paese, nazione, leverland,
        国家, 国家/地区, 國家, 国, 国名
    """,
    "line_amount": """
        line amount, line total, total price, amount, total amount, total, sales, revenue, turnover, line item total, item total,
        extended price, sales amount, sales value, net sales,
        Zeilensumme, Positionsbetrag, Zeilenbetrag, Positionssumme, Gesamtpreis, Betrag, Umsatz, Summe,
        montant ligne, total ligne, prix total, montant, chiffre d'affaires,
        importe línea, total línea, precio total, importe, monto,
        valor total, preço total, total do item, valor,
        totale riga, prezzo totale, importo, totale,
        regeltotaal, totaalprijs, totaalbedrag, bedrag, totaal, omzet,
        金额, 总价, 小计, 销售额, 商品总价, 实付金额, 金額, 小計, 合計金額, 売上金額, 売上
    """,
}


@lru_cache(maxsize=10_000)
def folded(name: str) -> str:
    """Return the form in which names of columns are compared: small letters and digits of any script, without accents.

    Examples
    --------
    >>> folded("N° de Commande"), folded("Stückzahl"), folded("单价(元)"), folded("Order_ID")
    ('ndecommande', 'stuckzahl', '单价元', 'orderid')
    """
    letters = unicodedata.normalize("NFKD", name).casefold()
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", _ACCENTS.sub("", letters)))


SYNONYMS: dict[str, tuple[str, ...]] = {
    canonical: tuple(dict.fromkeys(folded(name) for name in text.replace("\n", " ").split(",")))
    for canonical, text in _NAMES.items()
}
